import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

import t from 'tap';

import { makeWorkspace, readStackFile, startWorkspace } from './fake-stack.ts';

t.test('a second start in the same home names the first and leaves it alone', async (t) => {
  const workspace = await makeWorkspace(t);
  const first = startWorkspace(t, workspace);
  const stack = await first.ready();
  const second = startWorkspace(t, workspace);
  t.equal(await second.ended, 1);
  t.match(second.output(), `(process ${first.process.pid})`);
  t.equal(second.output().trim().split('\n').length, 1, 'one sentence, no stack trace');
  t.same((await readStackFile(workspace.home))?.pids, stack.pids);
});

t.test('of two starts at the same moment one runs', async (t) => {
  const workspace = await makeWorkspace(t);
  const starts = [startWorkspace(t, workspace), startWorkspace(t, workspace)];
  t.equal(await Promise.race(starts.map((start) => start.ended)), 1);
  const winner = starts.find((start) => start.process.exitCode === null);
  t.equal((await winner?.ready())?.gatewayUrl, `http://127.0.0.1:${workspace.port}`);
});

t.test('a port that is taken is named with the way out', async (t) => {
  const workspace = await makeWorkspace(t);
  const other = createServer().listen(workspace.port, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const start = startWorkspace(t, workspace);
  t.equal(await start.ended, 1);
  t.match(start.output(), `Port ${workspace.port} is taken`);
  t.match(start.output(), `PORT=${workspace.port + 1} npm start`);
});

t.test('a service that cannot start is named with its last words, and nothing stays', async (t) => {
  const workspace = await makeWorkspace(t);
  const script = join(workspace.root, 'services', 'tracking-service', 'src', 'server.ts');
  await writeFile(script, `console.log('{"msg":"HASH_PEPPER is too short"}'); process.exit(2);`);
  const start = startWorkspace(t, workspace);
  t.equal(await start.ended, 1);
  t.match(start.output(), /tracking-service ended before it was ready \(HASH_PEPPER is too short\)/);
  t.notOk(start.output().includes('    at '), 'no stack trace');
});

t.test('settings that are wrong and servers that are not there are said in a sentence', async (t) => {
  const workspace = await makeWorkspace(t);
  const cases = [
    [{ PORT: 'eighty' }, 'PORT must be a port number from 1 to 65535.'],
    [{ REDIS_URL: 'localhost:6379' }, 'REDIS_URL must be a redis:// URL.'],
    [{ NATS_URL: 'nats://127.0.0.1:9' }, 'Nothing answers at 127.0.0.1:9, which NATS_URL names'],
    [{ NATS_URL: 'nats://127.0.0.1:9,localhost' }, 'NATS_URL must be a nats:// URL, or several'],
    [
      { NATS_URL: 'nats://127.0.0.1:9, nats://127.0.0.1:7' },
      'Nothing answers at 127.0.0.1:9 or 127.0.0.1:7, which NATS_URL names',
    ],
    [{ TRIBUTARY_HOME: '/proc/tributary' }, '/proc/tributary cannot be made there'],
    [{ TRIBUTARY_HOME: join(workspace.root, 'package.json', 'home') }, 'choose another TRIBUTARY_HOME'],
  ] as const;
  for (const [env, sentence] of cases) {
    const start = startWorkspace(t, workspace, { env: { ...env } });
    t.equal(await start.ended, 1, sentence);
    t.match(start.output(), sentence);
    t.notOk(start.output().includes('    at '), 'no stack trace');
  }
});
