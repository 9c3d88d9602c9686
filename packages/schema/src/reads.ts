import { connect, type Database, type QueryParam } from './connect.ts';
import { DatabaseUnavailableError, sqlState } from './errors.ts';

/** What lists and dashboards read from: they may be a moment behind. */
export type ReadDatabase = Pick<Database, 'query' | 'stream'>;

export interface ReadOptions {
  readonly primary: Database;
  /** Of a streaming replica; without one, the primary answers. */
  readonly url: string | undefined;
  readonly applicationName: string;
}

/** After a failure the primary answers for so long before the replica is tried again. */
const AVOID_MS = 5_000;
/** A reader waits no longer for a replica than this before it asks the primary. */
const ACQUIRE_MS = 500;
/** A standby cancelled the statement, because it had to apply what contradicts it. */
const RECOVERY_CONFLICT = '40001';

const isAway = (error: unknown): boolean =>
  error instanceof DatabaseUnavailableError || sqlState(error) === RECOVERY_CONFLICT;

/** Reads from the replica, where there is one, and from the primary while that is away. */
export function connectReads(options: ReadOptions): ReadDatabase & { close(): Promise<void> } {
  const { primary, url, applicationName } = options;
  if (url === undefined)
    return {
      query: (text, params) => primary.query(text, params),
      stream: (text, params, batchSize) => primary.stream(text, params, batchSize),
      close: async () => undefined,
    };
  const replica = connect({ url, applicationName, acquireTimeoutMs: ACQUIRE_MS });
  let avoidedUntil = 0;

  /** @throws what is not the replica's absence */
  function avoid(error: unknown): void {
    if (!isAway(error)) throw error;
    avoidedUntil = performance.now() + AVOID_MS;
  }
  const isAvoided = (): boolean => performance.now() < avoidedUntil;

  async function query<Row extends object>(text: string, params?: readonly QueryParam[]): Promise<Row[]> {
    if (!isAvoided()) {
      try {
        return await replica.query<Row>(text, params);
      } catch (error) {
        avoid(error);
      }
    }
    return primary.query<Row>(text, params);
  }

  async function* stream<Row extends object>(
    text: string,
    params: readonly QueryParam[],
    batchSize: number,
  ): AsyncIterable<Row[]> {
    let hasBegun = false;
    if (!isAvoided()) {
      try {
        for await (const rows of replica.stream<Row>(text, params, batchSize)) {
          hasBegun = true;
          yield rows;
        }
        return;
      } catch (error) {
        avoid(error);
        // The reader has a part of the rows already.
        if (hasBegun) throw error;
      }
    }
    yield* primary.stream<Row>(text, params, batchSize);
  }

  return { query, stream, close: () => replica.close() };
}
