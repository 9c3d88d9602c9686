import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PARTNER_EVENT_TYPES } from '@tributary/event-catalog';
import { createWebhookReceiver } from '@tributary/testkit';
import type { ReceivedRequest } from '@tributary/testkit';
import t from 'tap';
import { createEndpoint, createPlatform, eventFor, insertPartner, publishEvent } from './harness.ts';

const SERVICE_FOLDER = fileURLToPath(new URL('..', import.meta.url));
const document = await readFile(new URL('../docs/webhooks.md', import.meta.url), 'utf8');

/** The document's code in JavaScript, as a program that is given a request and prints what it took for the event. */
async function runSnippet(secret: string, { body, headers }: Pick<ReceivedRequest, 'body' | 'headers'>) {
  const [, snippet] = /```js\n([\s\S]*?)```/.exec(document) ?? [];
  if (snippet === undefined) throw new Error('the document has no JavaScript');
  const program = `
    const { rawBody, request } = JSON.parse(process.env.RECEIVED);
    ${snippet}
    process.stdout.write(JSON.stringify(event));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: SERVICE_FOLDER,
    env: {
      PATH: process.env['PATH'],
      WEBHOOK_SECRET: secret,
      RECEIVED: JSON.stringify({ rawBody: body, request: { headers } }),
    },
  });
  let printed = '';
  let complaint = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, printed, complaint };
}

t.test("the document's JavaScript verifies a delivery as it arrived, and no changed one", async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t);
  const receiver = await createWebhookReceiver(t);
  const partnerId = await insertPartner(db);
  const { secret } = await createEndpoint(dispatcher, { partnerId, url: receiver.url });
  await dispatcher.work(messaging);
  await publishEvent(messaging, eventFor(partnerId));
  const [request] = await receiver.received(1);
  if (request === undefined) throw new Error('nothing came');
  const { body, headers } = request;
  const verified = await runSnippet(secret, { body, headers });
  t.equal(verified.code, 0, verified.complaint);
  t.strictSame(JSON.parse(verified.printed), JSON.parse(body));
  const changed = await runSnippet(secret, { body: body.replace(partnerId, secret), headers });
  t.equal(changed.code, 1);
  t.match(changed.complaint, 'No matching signature found');
});

t.test('the document names routes and events that exist', async (t) => {
  const { dispatcher } = await createPlatform(t);
  const paths = [...document.matchAll(/`(GET|POST) (?:\/api\/v1)?(\/webhooks\/[\w/:-]+)`/g)];
  t.ok(paths.length >= 5);
  for (const [, method = '', url = ''] of paths)
    t.ok(dispatcher.app.hasRoute({ method, url }), `${method} ${url}`);
  for (const [, type = ''] of document.matchAll(/`(webhook_endpoint\.\w+|commission\.\w+)`/g))
    t.ok((PARTNER_EVENT_TYPES as readonly string[]).includes(type), type);
});
