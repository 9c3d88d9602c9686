import type { Database } from '@tributary/schema';
import type { Logger } from '@tributary/runtime';

export interface PresenceDeps {
  readonly db: Pick<Database, 'query'>;
  readonly logger: Logger;
  /** Unique per process. */
  readonly holder: string;
  /** Called with this process's share of the rates that hold over all dispatchers: 1 / the number alive. */
  readonly onShare: (share: number) => void;
}

export interface Presence {
  stop(): Promise<void>;
}

const BEAT_MS = 1_000;
/** Three beats missed: dead, and its share goes to the others. */
const ALIVE_MS = 4_000;

// Also forgets those dead for long, so that restarts leave no rows behind.
const BEAT = `
  WITH beat AS (
    INSERT INTO webhook_dispatchers (holder, started_at, seen_at) VALUES ($1, now(), now())
    ON CONFLICT (holder) DO UPDATE SET seen_at = excluded.seen_at
  ), gone AS (
    DELETE FROM webhook_dispatchers WHERE seen_at < now() - interval '1 hour' AND holder <> $1
  )
  SELECT count(*)::int AS others FROM webhook_dispatchers
  WHERE holder <> $1 AND seen_at > now() - ${ALIVE_MS} * interval '1 ms'`;

const LEAVE = 'DELETE FROM webhook_dispatchers WHERE holder = $1';

/**
 * Makes this dispatcher known to the others and counts them. Each keeps to its share of every rate, so the rates hold
 * over all of them without a shared counter on the way of each delivery. The first beat comes before the first delivery.
 */
export async function joinDispatchers({ db, logger, holder, onShare }: PresenceDeps): Promise<Presence> {
  let beating: Promise<void> | undefined;
  const beat = async (): Promise<void> => {
    try {
      const [row] = await db.query<{ others: number }>(BEAT, [holder]);
      onShare(1 / ((row?.others ?? 0) + 1));
    } catch (err) {
      logger.warn({ err }, 'the dispatcher could not say that it is alive');
    }
  };
  await beat();
  const timer = setInterval(() => {
    beating ??= beat().finally(() => {
      beating = undefined;
    });
  }, BEAT_MS);
  return {
    async stop() {
      clearInterval(timer);
      await beating;
      await db.query(LEAVE, [holder]).catch((err: unknown) => logger.warn({ err }, 'leaving was not noted'));
    },
  };
}
