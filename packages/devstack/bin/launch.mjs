#!/usr/bin/env node
// The door of the root's npm scripts. It runs on the system's Node (20 or newer) and needs nothing installed: it brings
// the dependencies, among them the Node 24 that everything else runs on, and hands over to the task.
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

import { Failure } from './launch-failure.mjs';
import { ensureInstalled } from './install.mjs';
import { TASKS } from './tasks.mjs';

const MIN_NODE_MAJOR = 20;
const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..', '..', '..');

function findTask(name) {
  const task = TASKS[name];
  if (task !== undefined) return task;
  const list = Object.entries(TASKS).map(([key, { says }]) => `  ${key.padEnd(15)} ${says}`);
  throw new Failure(`Usage: node launch.mjs TASK [arguments], where TASK is one of\n${list.join('\n')}`, 2);
}

/** The Node 24 that the optional dependency of this platform put into node_modules/.bin. */
function bundledNode() {
  const path = join(root, 'node_modules', '.bin', 'node');
  if (existsSync(path)) return realpathSync(path);
  throw new Failure(
    `npm has no Node 24 for ${process.platform} on ${process.arch}: install Node 24 or newer and link it to ${path}.`,
  );
}

async function main() {
  const [name, ...args] = process.argv.slice(2);
  const task = findTask(name);
  if (Number(process.versions.node.split('.')[0]) < MIN_NODE_MAJOR) {
    throw new Failure(
      `Node ${MIN_NODE_MAJOR} or newer is needed to start; this is ${process.versions.node}.`,
    );
  }
  await ensureInstalled(root);
  const node = bundledNode();
  process.env.PATH = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
  return task.run({ root, node, args });
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = error.exitCode;
}
