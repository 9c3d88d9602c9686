// What `npm run client:generate` runs: writes the client's types from the document of the stack that runs, or of one
// that it starts for the purpose.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { generateTypes, TYPES_FILE } from '@tributary/client/generate';
import { freePort } from '@tributary/local-servers';

import { StackFailure } from './failure.ts';
import { readStackFile } from './home/stack-file.ts';
import { readSettings } from './settings.ts';

const root = resolve(import.meta.dirname, '..', '..', '..');

function findGateway(home: string): string | undefined {
  try {
    return readStackFile(home).gatewayUrl;
  } catch (error) {
    if (error instanceof StackFailure) return undefined;
    throw error;
  }
}

async function fetchDocument(gatewayUrl: string): Promise<object> {
  const answer = await fetch(`${gatewayUrl}/openapi.json`);
  const document: unknown = await answer.json();
  if (answer.ok && typeof document === 'object' && document !== null) return document;
  throw new StackFailure(`${gatewayUrl}/openapi.json answered ${answer.status}`);
}

/** From a stack without data, which is gone again afterwards. */
async function documentOfOwnStack(): Promise<object> {
  const home = mkdtempSync(join(tmpdir(), 'tributary-client-'));
  const own = { TRIBUTARY_HOME: home, PORT: String(await freePort()), DEMONSTRATION: 'off' };
  const stack = spawn(process.execPath, [join(import.meta.dirname, 'start.ts')], {
    env: { ...process.env, ...own },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(stack, 'exit');
  try {
    for (;;) {
      const gatewayUrl = findGateway(home);
      if (gatewayUrl !== undefined) return await fetchDocument(gatewayUrl);
      if (stack.exitCode !== null) throw new StackFailure('The stack did not start.');
      await pause(100);
    }
  } finally {
    stack.kill('SIGTERM');
    await ended;
    rmSync(home, { recursive: true, force: true });
  }
}

async function run(): Promise<void> {
  const running = findGateway(readSettings(root, process.env).home);
  const document = running === undefined ? await documentOfOwnStack() : await fetchDocument(running);
  writeFileSync(TYPES_FILE, await generateTypes(document));
  console.log(`Wrote ${TYPES_FILE} from ${running ?? 'a stack of its own'}.`);
}

try {
  await run();
} catch (error) {
  if (!(error instanceof StackFailure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
