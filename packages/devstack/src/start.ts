// What `npm start` runs, on the Node that npm brought.
import { resolve } from 'node:path';

import { migrate } from '@tributary/schema';

import { awaitDemo, seedDemo } from './demo/index.ts';
import { runStart } from './run-start.ts';

const root = resolve(import.meta.dirname, '..', '..', '..');

process.exit(
  await runStart({
    root,
    env: process.env,
    migrate: (url) => migrate(url),
    seed: seedDemo,
    awaitSeeded: awaitDemo,
  }),
);
