import { DatabaseUnavailableError, sqlState } from './errors.ts';
import { createPool, type PoolOptions, type QueryParam } from './pool.ts';
import { createSlots } from './slots.ts';

/** A download in a browser or over a slow network may pause for long; its reader decides how fast a stream goes. */
const STREAM_IDLE_MS = 5 * 60_000;
/** Exports never take the connections that requests live on, and few may run at once. */
const MAX_STREAMS = 4;
const CURSOR_IS_GONE = '34000';

type Run = <Row extends object>(text: string, params?: readonly QueryParam[]) => Promise<Row[]>;

interface StreamOptions extends Pick<
  PoolOptions,
  'url' | 'applicationName' | 'onNotice' | 'connectTimeoutMs'
> {
  acquireTimeoutMs: number;
  answerTimeoutMs: number;
}

interface Reading {
  text: string;
  params: readonly QueryParam[];
  batchSize: number;
}

/** Each stream has a connection of its own, closed when it ends or its reader leaves. */
export function createStreams({ acquireTimeoutMs, answerTimeoutMs, ...options }: StreamOptions) {
  const slots = createSlots(MAX_STREAMS, acquireTimeoutMs);

  return async function* stream<Row extends object>(reading: Reading): AsyncGenerator<Row[], void> {
    await slots.acquire();
    const pool = createPool({
      ...options,
      applicationName: `${options.applicationName} stream`,
      connections: 1,
      settings: { idle_in_transaction_session_timeout: STREAM_IDLE_MS },
    });
    try {
      yield* readByCursor<Row>((text, params = []) => pool.run(text, params, answerTimeoutMs), reading);
    } finally {
      await pool.end();
      slots.release();
    }
  };
}

/**
 * DECLARE and FETCH in a read-only transaction rather than the driver's cursor(): there a connection lost between two batches
 * looks like the end of the rows, and the statement time-out runs on while the reader is slow. Here each fetch is a
 * statement of its own, and a lost connection makes the next one fail, because the cursor is gone.
 */
async function* readByCursor<Row extends object>(run: Run, reading: Reading): AsyncGenerator<Row[], void> {
  const { text, params, batchSize } = reading;
  await run('begin transaction isolation level repeatable read read only');
  await run(`declare batch_cursor no scroll cursor for ${text}`, params);
  for (;;) {
    const rows = await fetchBatch<Row>(run, batchSize);
    if (rows.length > 0) yield rows;
    if (rows.length < batchSize) return;
  }
}

async function fetchBatch<Row extends object>(run: Run, batchSize: number): Promise<Row[]> {
  try {
    return await run<Row>(`fetch ${Math.trunc(batchSize)} from batch_cursor`);
  } catch (error) {
    if (sqlState(error) !== CURSOR_IS_GONE) throw error;
    throw new DatabaseUnavailableError('The connection was lost while rows were being read.', {
      cause: error,
    });
  }
}
