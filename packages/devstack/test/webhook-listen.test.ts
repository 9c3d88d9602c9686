import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type TestScope, waitFor } from '@tributary/testkit';
import t from 'tap';

import { clientOf, dataOf, loggedIn } from './api-client.ts';
import { startPlatform } from './platform.ts';

const SCRIPT = join(import.meta.dirname, '../src/webhook-listen.ts');

/** `npm run webhook:listen` for a home whose stack file says this. */
async function startListener(t: TestScope, stack: object | undefined) {
  const home = await mkdtemp(join(tmpdir(), 'tributary-listen-'));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  if (stack !== undefined) await writeFile(join(home, 'stack.json'), JSON.stringify(stack));
  const child = spawn(process.execPath, [SCRIPT], {
    env: { PATH: process.env['PATH'], TRIBUTARY_HOME: home },
  });
  t.teardown(() => void child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return {
    child,
    said: () => said,
    says: (text: string | RegExp) => waitFor(() => said.match(text), { what: `${String(text)} in: ${said}` }),
  };
}

t.test('it shows what the partner gets, says what is forged, and takes its endpoint away', async (t) => {
  const platform = await startPlatform(t);
  const admin = await loggedIn(platform, platform.admin);
  const { child, says } = await startListener(t, platform);
  await says(/webhook_endpoint\.test .* verified/);

  const bonus = { partnerId: platform.partnerId, amount: 12.5, currency: 'USD', reason: 'for a good month' };
  const commission = await dataOf(admin('POST', '/operations/commissions', { body: bonus }), 201);
  await says(/commission\.created .* verified/);
  await says(commission.id);

  const listed = await dataOf(admin('GET', '/webhooks/endpoints'));
  t.equal(listed.length, 1);
  const forged = await fetch(listed[0].url, {
    method: 'POST',
    headers: { 'webhook-id': 'evil', 'webhook-timestamp': '1', 'webhook-signature': 'v1,AAAA' },
    body: '{}',
  });
  t.equal(forged.status, 401);
  await says(/NOT VERIFIED {2}evil/);

  child.kill('SIGINT');
  const [code] = (await once(child, 'exit')) as [number | null];
  t.equal(code, 0);
  t.same(await dataOf(clientOf(platform, platform.apiKey)('GET', '/webhooks/endpoints')), []);
});

t.test('without a running stack it says so in a sentence', async (t) => {
  const { child, said } = await startListener(t, undefined);
  const [code] = (await once(child, 'close')) as [number | null];
  t.equal(code, 1);
  t.match(said(), /^No stack is running: .*npm start\.\n$/);
});
