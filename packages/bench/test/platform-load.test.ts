import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

import { createTestDatabase, testNats, testRedis, type TestScope } from '@tributary/testkit';
import t from 'tap';

import { findFaults, type Run } from '../src/platform-load/books.ts';
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

/** Each leaves the books as it found them, but for the one thing; the rollups are mended by the check that finds them wrong. */
const DOCTORED = [
  {
    what: 'a rollup that counts too much',
    doctor: ['UPDATE rollup_program_hours SET primary_conversions = primary_conversions + 1'],
    finding: /keys of the rollup .* differ from SQL/,
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

  for (const { what, doctor, finding } of DOCTORED) {
    for (const statement of doctor) await owner.query(statement);
    t.match(await findFaults(books()), [finding], what);
  }
});
