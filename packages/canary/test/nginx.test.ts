import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import t from 'tap';

import { splitByNginx } from '../src/nginx.ts';
import type { RouteWeight } from '../src/routing.ts';

const CONFIGURED = 'server gateway:8080 resolve max_fails=0 weight=100;\n';

const folder = await mkdtemp(join(tmpdir(), 'tributary-nginx-'));
t.teardown(() => rm(folder, { recursive: true }));
const file = join(folder, 'gateway.conf');
/** What stands in for nginx keeps a copy of what it was to read. */
const seen = join(folder, 'seen');
const nginx = { file, reload: `cp '${file}' '${seen}'`, stableUrl: 'http://gateway:8080' };

const canary = (weight: number): RouteWeight => ({
  release: 'canary',
  url: 'http://gateway-2:8081',
  weight,
  workers: null,
});
const linesOf = async (path: string): Promise<string[]> =>
  (await readFile(path, 'utf8')).split('\n').filter((line) => line.startsWith('server'));

t.beforeEach(async () => {
  await writeFile(file, CONFIGURED);
  await rm(seen, { force: true });
});

t.test('nginx reads the weights of both, with what the file said of its servers', async (t) => {
  await splitByNginx(nginx, [canary(10)]);
  t.same(await linesOf(seen), [
    'server gateway:8080 resolve max_fails=0 weight=90;',
    'server gateway-2:8081 resolve max_fails=0 weight=10;',
  ]);
  t.notOk((await readdir(folder)).includes('gateway.conf.next'));
});

t.test('who has no share is left out: nginx refuses a weight of 0', async (t) => {
  await splitByNginx(nginx, [canary(100)]);
  t.same(await linesOf(seen), ['server gateway-2:8081 resolve max_fails=0 weight=100;']);
  await splitByNginx(nginx, []);
  t.same(await linesOf(seen), ['server gateway:8080 resolve max_fails=0 weight=100;']);
});

t.test('a candidate of earlier is the stable gateway of the next rollout', async (t) => {
  const stable: RouteWeight = { ...canary(50), release: 'stable', url: 'http://gateway-1:8080' };
  await splitByNginx(nginx, [stable, canary(50)]);
  t.same(await linesOf(seen), [
    'server gateway-1:8080 resolve max_fails=0 weight=50;',
    'server gateway-2:8081 resolve max_fails=0 weight=50;',
  ]);
});

t.test('when nginx refuses, the file is as it was: the next start of nginx reads it', async (t) => {
  const refusing = { ...nginx, reload: 'echo "host not found in upstream" >&2; exit 1' };
  await t.rejects(splitByNginx(refusing, [canary(10)]), /did not take .*host not found in upstream/s);
  t.equal(await readFile(file, 'utf8'), CONFIGURED);
});

t.test('a file that nginx cannot have included is not made', async (t) => {
  const missing = { ...nginx, file: join(folder, 'elsewhere.conf') };
  await t.rejects(splitByNginx(missing, []), /cannot be read: include it/);
  t.notOk((await readdir(folder)).includes('elsewhere.conf'));
});
