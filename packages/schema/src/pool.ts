import postgres from 'postgres';
import { asUnavailable, DatabaseUnavailableError } from './errors.ts';
import { driverTypes } from './driver-types.ts';

/** What a statement may carry: scalars, dates, bytes, arrays, and plain objects for jsonb. Never `undefined`. */
export type QueryParam = string | number | bigint | boolean | null | object;

export interface PoolOptions {
  url: string;
  applicationName: string;
  connections: number;
  /** How long one may take to open. */
  connectTimeoutMs: number;
  /** Server settings sent with the start-up message; they win over those of the role. */
  settings?: Record<string, number | string>;
  onNotice: (notice: { message: string }) => void;
}

export interface Pool {
  run<Row extends object>(text: string, params: readonly QueryParam[], answerMs: number): Promise<Row[]>;
  end(): Promise<void>;
}

type Driver = postgres.Sql<Record<string, unknown>>;

/** One driver pool and how many statements it still owes an answer. */
interface Generation {
  driver: Driver;
  pending: number;
  retired: boolean;
}

const KEEP_ALIVE_SECONDS = 30;
/** A connection carries one statement at a time, so that its death fails one statement and no stranger's. */
const MAX_PIPELINE = 0;

function openDriver(options: PoolOptions): Driver {
  const { url, applicationName, connections, connectTimeoutMs, settings, onNotice } = options;
  // `max_pipeline` is missing from the driver's types.
  const undeclared = { max_pipeline: MAX_PIPELINE };
  return postgres(url, {
    ...undeclared,
    max: connections,
    prepare: true,
    fetch_types: false,
    types: driverTypes,
    // Only column names: the driver's `camel` would rewrite the keys inside jsonb values too.
    transform: { column: { from: postgres.toCamel } },
    connect_timeout: connectTimeoutMs / 1_000,
    keep_alive: KEEP_ALIVE_SECONDS,
    connection: { application_name: applicationName, ...settings },
    onnotice: (notice) => onNotice({ message: notice['message'] ?? '' }),
  });
}

function endDriver(driver: Driver): Promise<void> {
  return driver.end({ timeout: 0 });
}

/** Settles with the answer, or after `answerMs` with an error: a server that froze or vanished sends nothing, not even a close. */
function withinTime<T>(answer: Promise<T>, answerMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(
        new DatabaseUnavailableError(`The database sent no answer within ${answerMs} ms.`, {
          outcomeUnknown: true,
        }),
      );
    }, answerMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * A pool that forgets its connections when one of them fails. postgres.js 3.4 reuses the object of a dead connection
 * together with bytes not yet written (`closed()` clears the timer of the write and keeps its chunk), and the next start-up
 * message then waits behind them until it times out. So a driver pool that lost a connection gets no new statement: those
 * under way finish on it, new ones go to a fresh pool, which costs a few closures.
 */
export function createPool(options: PoolOptions): Pool {
  let current: Generation = { driver: openDriver(options), pending: 0, retired: false };

  function settle(generation: Generation): void {
    generation.pending -= 1;
    if (generation.retired && generation.pending === 0) void endDriver(generation.driver);
  }

  function retire(generation: Generation): void {
    if (generation.retired) return;
    generation.retired = true;
    current = { driver: openDriver(options), pending: 0, retired: false };
  }

  return {
    async run<Row extends object>(text: string, params: readonly QueryParam[], answerMs: number) {
      const generation = current;
      const { driver } = generation;
      generation.pending += 1;
      try {
        const untyped = params.map((param) => driver.typed(param as never, 0));
        const answer = driver.unsafe<Row[]>(text, untyped, { prepare: true, simple: false } as never);
        return (await withinTime(answer, answerMs)) as Row[];
      } catch (error) {
        const translated = asUnavailable(error);
        if (translated instanceof DatabaseUnavailableError) retire(generation);
        throw translated;
      } finally {
        settle(generation);
      }
    },
    async end() {
      const last = current;
      last.retired = true;
      await endDriver(last.driver);
    },
  };
}
