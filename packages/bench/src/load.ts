import { z } from 'zod';

import { findTool, run } from './tools.ts';

export interface Load {
  url: string;
  connections: number;
  seconds: number;
  headers?: Record<string, string>;
  /** A wrk script in Lua, for requests that differ from each other. */
  script?: string;
}

export interface LoadResult {
  requestsPerSecond: number;
  /** Answers other than 2xx and 3xx. */
  failed: number;
}

const numberSchema = z.coerce.number();

/** One in a thousand: random requests that meet on one row, or ask for the amount that is there. */
const TOLERATED_FAILURES = 0.001;

/** Offers as many requests as are answered, from `wrk` with one thread. @throws when errors were among the answers */
export async function offerLoad(load: Load): Promise<LoadResult> {
  const headers = Object.entries(load.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const script = load.script === undefined ? [] : ['-s', load.script];
  const output = await run(findTool('wrk'), [
    '-t1',
    `-c${load.connections}`,
    `-d${load.seconds}s`,
    ...headers,
    ...script,
    load.url,
  ]);
  const requestsPerSecond = numberSchema.parse(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  const failed = numberSchema.parse(/Non-2xx or 3xx responses:\s+(\d+)/.exec(output)?.[1] ?? 0);
  if (failed > requestsPerSecond * load.seconds * TOLERATED_FAILURES)
    throw new Error(`${failed} requests to ${load.url} were answered by errors:\n${output}`);
  return { requestsPerSecond, failed };
}
