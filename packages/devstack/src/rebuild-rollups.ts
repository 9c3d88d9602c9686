// What `npm run analytics:rebuild [-- --from DAY --to DAY]` runs: the job of the running stack, with its progress.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { StackFailure } from './failure.ts';
import { readStackFile } from './home/stack-file.ts';
import { followJob } from './jobs/follow-job.ts';
import type { Job } from './jobs/follow-job.ts';
import { readSettings } from './settings.ts';

const root = resolve(import.meta.dirname, '..', '..', '..');

function readRange(): { from?: string; to?: string } {
  try {
    const { from, to } = parseArgs({ options: { from: { type: 'string' }, to: { type: 'string' } } }).values;
    return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  } catch (cause) {
    throw new StackFailure('Usage: npm run analytics:rebuild -- [--from 2026-03-01] [--to 2026-04-01]', {
      cause,
    });
  }
}

function describe({ status, succeeded, total, stats }: Job): string {
  const keys = typeof stats['keys'] === 'number' ? `, ${stats['keys']} keys` : '';
  return `${status}: ${succeeded} of ${total ?? '?'} days${keys}`;
}

async function run(): Promise<number> {
  const parameters = readRange();
  const stack = readStackFile(readSettings(root, process.env).home);
  const job = await followJob({
    stack,
    name: 'rebuild-rollups',
    parameters,
    onProgress: (now) => console.log(describe(now)),
  });
  if (job.status === 'succeeded') return 0;
  console.error(job.error ?? `The job ${job.id} was ${job.status}.`);
  return 1;
}

try {
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof StackFailure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
