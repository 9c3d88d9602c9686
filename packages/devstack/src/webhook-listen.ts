// What `npm run webhook:listen` runs: shows the webhooks of the stack that runs in this home, until Ctrl-C.
import { resolve } from 'node:path';

import { StackFailure } from './failure.ts';
import { readStackFile } from './home/stack-file.ts';
import { readSettings } from './settings.ts';
import { listenForWebhooks } from './webhooks/listen.ts';

const root = resolve(import.meta.dirname, '..', '..', '..');

function untilStopped(): Promise<void> {
  return new Promise((stopped) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopped());
    process.on('disconnect', () => stopped());
  });
}

async function main(): Promise<number> {
  const stopped = untilStopped();
  try {
    const stack = readStackFile(readSettings(root, process.env).home);
    const listener = await listenForWebhooks({ stack, print: (line) => console.log(line) });
    console.log('Change something of the partner, e.g. adjust a commission, and watch. Ctrl-C ends it.');
    await stopped;
    await listener.stop();
    console.log(`Endpoint ${listener.endpointId} is removed.`);
    return 0;
  } catch (error) {
    console.error(error instanceof StackFailure ? error.message : error);
    return 1;
  }
}

process.exit(await main());
