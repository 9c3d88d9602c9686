import { DatabaseUnavailableError } from './errors.ts';
import { createPool, type QueryParam } from './pool.ts';
import { createSlots } from './slots.ts';
import { createStreams } from './stream.ts';

export type { QueryParam } from './pool.ts';

/**
 * A service's way to Postgres. One call is one statement and so one transaction: there is no `begin()`. Rows come with
 * camelCase columns, numeric and int8 as strings, timestamptz as Date (milliseconds), jsonb parsed.
 */
export interface Database {
  /** Runs one statement, prepared once per connection. Throws DatabaseUnavailableError, or Postgres's error with its SQLSTATE. */
  query<Row extends object>(text: string, params?: readonly QueryParam[]): Promise<Row[]>;
  /** Reads a result of any size in batches over a connection of its own. Never ends early without throwing. */
  stream<Row extends object>(
    text: string,
    params: readonly QueryParam[],
    batchSize: number,
  ): AsyncIterable<Row[]>;
  /** Resolves when Postgres answers. Does not queue behind statements, so that a busy service does not look dead. */
  ping(): Promise<void>;
  /** Statements that hold a connection now. */
  readonly inFlight: number;
  /** Statements that wait for one. */
  readonly waiting: number;
  /** Takes no new statements, lets those under way finish for at most `timeoutMs`, and disconnects. */
  close(timeoutMs?: number): Promise<void>;
}

export interface ConnectOptions {
  url: string;
  /** Seen in pg_stat_activity. */
  applicationName: string;
  /** Statements in flight at once; default 8. */
  maxConnections?: number;
  /** How long a statement waits for a connection before DatabaseUnavailableError; default 2,000. */
  acquireTimeoutMs?: number;
  /**
   * How long to wait for an answer before the connection counts as dead; default 15,000, three times the statement time-out of
   * the services' role, which therefore always speaks first. Raise it for an owner's long statements.
   */
  answerTimeoutMs?: number;
  /**
   * `once`: a statement is planned once per connection, without looking at its parameters. For services whose statements find
   * rows by keys: Postgres otherwise plans those with arrays anew for every call, as it takes ten elements for granted.
   */
  plans?: 'once' | 'by parameters';
  onNotice?: (notice: { message: string }) => void;
}

const DEFAULT_CLOSE_MS = 5_000;
/** Less would give up on servers that answer; who waits longer for a connection waits as long for it to open. */
const MIN_CONNECT_MS = 2_000;

/** Opens a bounded pool; connections are made when they are needed, so this never fails by itself. */
export function connect(options: ConnectOptions): Database {
  const { url, applicationName, maxConnections = 8, acquireTimeoutMs = 2_000 } = options;
  const { answerTimeoutMs = 15_000, plans = 'by parameters', onNotice = () => undefined } = options;
  const connectTimeoutMs = Math.max(MIN_CONNECT_MS, acquireTimeoutMs);
  const slots = createSlots(maxConnections, acquireTimeoutMs);
  const limits = { acquireTimeoutMs, answerTimeoutMs, connectTimeoutMs };
  const streams = createStreams({ url, applicationName, onNotice, ...limits });
  // One connection more than slots: it is ping()'s.
  const settings = plans === 'once' ? { plan_cache_mode: 'force_generic_plan' } : {};
  const connections = maxConnections + 1;
  const pool = createPool({ url, applicationName, connections, connectTimeoutMs, settings, onNotice });
  let ping: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  function refuseWhenClosing(): void {
    if (closing !== undefined) throw new DatabaseUnavailableError('The database connection has been closed.');
  }

  async function shutDown(timeoutMs: number): Promise<void> {
    await slots.whenFree(timeoutMs);
    await pool.end();
  }

  async function query<Row extends object>(text: string, params: readonly QueryParam[] = []): Promise<Row[]> {
    refuseWhenClosing();
    await slots.acquire();
    try {
      return await pool.run<Row>(text, params, answerTimeoutMs);
    } finally {
      slots.release();
    }
  }

  return {
    query,
    stream<Row extends object>(text: string, params: readonly QueryParam[], batchSize: number) {
      refuseWhenClosing();
      return streams<Row>({ text, params, batchSize });
    },
    async ping() {
      refuseWhenClosing();
      ping ??= pool
        .run('select 1', [], acquireTimeoutMs)
        .then(() => undefined)
        .finally(() => (ping = undefined));
      return ping;
    },
    get inFlight() {
      return slots.held;
    },
    get waiting() {
      return slots.waiting;
    },
    close(timeoutMs = DEFAULT_CLOSE_MS) {
      closing ??= shutDown(timeoutMs);
      return closing;
    },
  };
}
