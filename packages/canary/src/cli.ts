// What `npm run canary` runs.
import { resolve } from 'node:path';

import { UnableToJudge } from './failure.ts';
import { EXIT, runCanary } from './run-canary.ts';
import { findPlatform, readCommand } from './settings.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
process.on('disconnect', () => stopping.abort());

async function run(): Promise<number> {
  try {
    const command = readCommand(process.argv.slice(2));
    const platform = findPlatform(ROOT, process.env);
    const say = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)}  ${line}`);
    return await runCanary(command, { platform, say, signal: stopping.signal });
  } catch (error) {
    console.error(error instanceof UnableToJudge ? error.message : error);
    return EXIT.unable;
  }
}

process.exit(await run());
