import type { Database } from '@tributary/schema';
import type { Logger } from '@tributary/runtime';
import type { RoutingWeight, Upstreams } from './upstreams.ts';

const SELECT_WEIGHTS = 'SELECT service, release, url, weight FROM routing_weights';
/** Re-read even without a message, so that one that was lost costs seconds and not a release. */
const REREAD_MS = 3_000;

/** `missed`: messages may have been, while there was no connection. */
export type RereadCause = 'start' | 'message' | 'missed' | 'every 3 s';

export interface WeightWatcher {
  /** Reads the weights now, because of what the log is to say; what is in force stays when Postgres does not answer. */
  reread(cause: RereadCause): Promise<void>;
  stop(): void;
}

/** Keeps the upstreams' weights equal to the table. */
export function watchWeights(deps: {
  readonly db: Pick<Database, 'query'>;
  readonly upstreams: Upstreams;
  readonly logger: Logger;
}): WeightWatcher {
  let applied = '[]';

  async function reread(cause: RereadCause): Promise<void> {
    try {
      const rows = await deps.db.query<RoutingWeight>(SELECT_WEIGHTS);
      const text = JSON.stringify(rows);
      if (text === applied) return;
      deps.upstreams.apply(rows);
      applied = text;
      deps.logger.info({ weights: rows, cause }, 'routing weights applied');
    } catch (err) {
      deps.logger.warn({ err }, 'routing weights could not be read; the last known stay in force');
    }
  }

  const timer = setInterval(() => void reread('every 3 s'), REREAD_MS);
  return { reread, stop: () => clearInterval(timer) };
}
