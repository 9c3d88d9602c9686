import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import t from 'tap';

import { PRODUCTS } from '../../src/demo/catalogue/products.ts';
import { clientOf, dataOf } from '../api-client.ts';
import { startPlatform } from '../platform.ts';

const README = join(import.meta.dirname, '../../../../README.md');
const SHELL_BLOCK = /^```sh\n([\s\S]*?)^```$/gm;

/** A folder with `curl` in it: the machine's own, or a stand-in where there is none. */
async function curlFor(folder: string): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const standIn = join(import.meta.dirname, '../stand-ins/curl.mjs');
  const own = await promisify(execFile)('sh', ['-c', 'command -v curl']).catch(() => undefined);
  const command = own?.stdout.trim() ?? `node ${standIn}`;
  await writeFile(join(bin, 'curl'), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  return bin;
}

t.test('the tour of the README works as printed', async (t) => {
  const platform = await startPlatform(t);
  const { gatewayUrl, admin, partner, apiKey } = platform;
  const call = clientOf(platform, apiKey);
  const shown = PRODUCTS.find(({ sku }) => sku === 'TENT-DUO');
  if (shown === undefined) throw new Error('the demonstration has no product of the tour');
  const product = { sku: shown.sku, name: shown.name, price: shown.price / 100, currency: 'USD' };
  await dataOf(call('POST', '/products', { body: product }), 201);
  const policy = { code: 'STANDARD', name: 'Standard', type: 'percentage', rate: 6 };
  await dataOf(call('POST', '/policies', { body: policy }), 201);

  const folder = await mkdtemp(join(tmpdir(), 'tributary-tour-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'stack.json'), JSON.stringify({ gatewayUrl, admin, partner, apiKey }));
  const blocks = [...(await readFile(README, 'utf8')).matchAll(SHELL_BLOCK)].map(([, block]) => block);
  t.ok(blocks.length > 7, `${blocks.length} blocks`);
  // One shell for all, as a person's, but one that stops at the first failure.
  const endsItsJobs = `trap 'kill $(jobs -p) 2> /dev/null || true' EXIT`;
  const script = [endsItsJobs, ...blocks].join('\n');
  const ran = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    timeout: 240_000,
    env: { PATH: `${await curlFor(folder)}:${process.env.PATH ?? ''}`, TRIBUTARY_HOME: folder },
  });
  t.notMatch(ran.stdout, /undefined/);
  for (const line of [
    /^26\.94$/m,
    /^18$/m,
    /^30$/m,
    /^paid$/m,
    /^\[\s+-15\s+\]$/m,
    /^-5$/m,
    /^20$/m,
    /refunded the commission/,
    /STANDARD: 6 % of 449/,
    /commission\.paid$/m,
    /commission\.clawed_back$/m,
    /"delivered"/,
  ])
    t.match(ran.stdout, line);
  t.match(ran.stdout, /"statusBreakdown": \{\s+"pending": 0,\s+"confirmed": 0,\s+"paid": 1/);
  t.match(ran.stdout, /^succeeded$/m, 'the job of the night');
});
