import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

import { createTestDatabase, testNats, testRedis, type TestScope } from '@tributary/testkit';
import t from 'tap';

import { findFaults } from '../src/platform-load/books.ts';
import { k6Command } from '../src/platform-load/k6-command.ts';
import { causeLoad } from '../src/platform-load/run-load.ts';
import { counted } from '../src/platform-load/summary.ts';
import { openTarget } from '../src/platform-load/target.ts';
import { startOwnStack } from '../src/stack/own-stack.ts';

const root = resolve(import.meta.dirname, '../../..');
const OPERATIONS = [
  'click',
  'redirect',
  'conversion',
  'list',
  'commission',
  'dashboard',
  'adjust',
  'confirm',
  'partner',
  'login',
];

async function folderFor(t: TestScope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-load-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder for the path with a program `k6` in it: the stand-in, so that the scripts are tried where k6 is not installed. */
async function installStandIn(folder: string): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const program = join(bin, 'k6');
  const standIn = join(import.meta.dirname, 'k6-stand-in/program.ts');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${standIn}' "$@"\n`);
  await chmod(program, 0o755);
  return bin;
}

/** What could be wrong with a database, one fault after the other, and how the books say it. */
const DOCTORED = [
  {
    what: 'a rollup that counts too much',
    statement: 'UPDATE rollup_program_hours SET primary_conversions = primary_conversions + 1',
    finding: /keys of the rollup \w+ differ from SQL/,
  },
  {
    what: 'a click that is lost',
    statement: 'DELETE FROM referral_clicks WHERE id = (SELECT id FROM referral_clicks LIMIT 1)',
    finding: /^1 accepted clicks are not there/,
  },
  {
    what: 'an order that nobody placed',
    statement: `INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object(
      'id', uuidv7(), 'external_id', external_id || '-again'))).* FROM orders o LIMIT 1`,
    finding: /orders are stored/,
  },
  {
    what: 'an order under another name',
    statement: `UPDATE orders SET external_id = external_id || '-else' WHERE id = (
      SELECT id FROM orders WHERE external_id NOT LIKE '%-first-%' AND external_id NOT LIKE '%-again' LIMIT 1)`,
    finding: /accepted orders are not there as they were answered/,
  },
  {
    what: 'an event that was never written',
    statement: `DELETE FROM outbox_events WHERE id = (SELECT id FROM outbox_events WHERE type = 'commission.adjusted' LIMIT 1)`,
    finding: /^1 commissions that their entries, audit rows and events tell differently/,
  },
  {
    what: 'an amount that no entry tells of',
    statement: `UPDATE commissions SET commission_amount = commission_amount + 1 WHERE id = (
      SELECT commission_id FROM commission_entries WHERE action = 'created' ORDER BY id DESC LIMIT 1)`,
    finding: /^2 commissions that their entries, audit rows and events tell differently/,
  },
  {
    what: 'an event that was never sent',
    statement: `UPDATE outbox_events SET sent_at = NULL WHERE type = 'conversion.recorded'`,
    finding: /events that were never sent/,
  },
  {
    what: 'a webhook that waits',
    statement: `UPDATE webhook_deliveries SET status = 'pending', next_attempt_at = now()
      WHERE id = (SELECT id FROM webhook_deliveries LIMIT 1)`,
    finding: /^1 events were not delivered/,
  },
];

t.test('what k6 users do is in the books, and whatever is missing or doctored is found', async (t) => {
  const folder = await folderFor(t);
  const { ownerUrl, serviceUrl, owner } = await createTestDatabase(t);
  const nats = testNats(t);
  const redis = testRedis(t);
  const stack = await startOwnStack({
    root,
    home: join(folder, 'home'),
    environment: {
      DATABASE_URL: ownerUrl,
      SERVICE_DATABASE_URL: serviceUrl,
      NATS_URL: nats.url,
      NATS_NAMESPACE: nats.namespace,
      REDIS_URL: redis.url,
      REDIS_PREFIX: redis.prefix,
    },
  });
  t.teardown(() => stack.stop());
  const lines: string[] = [];
  const { summary, books } = await causeLoad(
    {
      root,
      folder,
      script: 'load',
      profile: 'smoke',
      target: stack,
      path: [await installStandIn(folder), process.env['PATH'] ?? ''].join(delimiter),
      log: (line) => lines.push(line),
    },
    owner,
  );
  t.same(await findFaults(books()), [], 'the books balance');
  t.equal(counted(summary, 'failed_checks'), 0, 'every answer is the wanted one');
  for (const operation of OPERATIONS)
    t.ok(counted(summary, `${operation}_requests`) > 0, `${operation} was tried`);

  // Nobody mends what is broken now.
  await stack.stop();
  for (const { what, statement, finding } of DOCTORED) {
    const isFound = async (): Promise<boolean> =>
      (await findFaults(books())).some((fault) => finding.test(fault));
    t.notOk(await isFound(), `nothing is said of ${what}`);
    await owner.query(statement);
    t.ok(await isFound(), `${what} is found`);
  }
  const deaf = { ...books(), received: new Set<string>() };
  t.ok((await findFaults(deaf)).some((fault) => /webhooks count as delivered and never came/.test(fault)));
});

t.test('without k6 and Docker one sentence says where to get it; with Docker its image is run', async (t) => {
  const folder = await folderFor(t);
  const run = { root, folder, script: 'soak', environment: { PROFILE: 'smoke' } };
  t.throws(() => k6Command(run, folder), { name: 'MissingTool', message: /k6 is not installed/ });
  await writeFile(join(folder, 'docker'), '', { mode: 0o755 });
  const [program, ...args] = k6Command(run, folder);
  t.equal(program, join(folder, 'docker'));
  t.match(args.join(' '), /--network host .*grafana\/k6 run .*-e PROFILE=smoke .*k6\/soak\.js$/);
});

t.test('of a stack that runs its file says the rest, unless something else is said', async (t) => {
  const home = await folderFor(t);
  const GATEWAY_URL = 'http://127.0.0.1:1';
  const databaseUrl = 'postgres://127.0.0.1/db';
  const admin = { email: 'admin@example.com', password: 'password' };
  const stack = {
    gatewayUrl: GATEWAY_URL,
    admin,
    apiKey: 'key',
    services: {},
    pids: { gateway: 7 },
    databaseUrl,
  };
  await writeFile(join(home, 'stack.json'), JSON.stringify(stack));
  const environment = { GATEWAY_URL: `${GATEWAY_URL}/`, TRIBUTARY_HOME: home, API_KEY: 'another' };
  t.match(await openTarget(root, '', environment), {
    gatewayUrl: GATEWAY_URL,
    admin,
    apiKey: 'another',
    databaseUrl,
    pids: stack.pids,
  });
  const elsewhere = { ...environment, GATEWAY_URL: 'http://127.0.0.1:2' };
  await t.rejects(openTarget(root, '', elsewhere), { message: /missing: ADMIN_EMAIL/ });
});

t.test('of a platform that runs all of it has to be said, and what is missing is named', async (t) => {
  const GATEWAY_URL = 'http://127.0.0.1:1';
  const incomplete = { GATEWAY_URL, API_KEY: 'key', ADMIN_EMAIL: 'admin@example.com' };
  await t.rejects(openTarget(root, '', incomplete), { message: /missing: ADMIN_PASSWORD, DATABASE_URL/ });
  const complete = { ...incomplete, ADMIN_PASSWORD: 'password', DATABASE_URL: 'postgres://127.0.0.1/db' };
  t.match(await openTarget(root, '', complete), { gatewayUrl: GATEWAY_URL, pids: {} });
});
