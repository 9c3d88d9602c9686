import { mkdir, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { isAlive } from '@tributary/testkit';
import t from 'tap';

import { makeWorkspace, readStackFile, startWorkspace, until, untilNothingIsLeft } from './fake-stack.ts';

t.test(
  'a start brings up nine processes, says where they are, and leaves nothing when it is stopped',
  async (t) => {
    const workspace = await makeWorkspace(t);
    const start = startWorkspace(t, workspace);
    const stack = await start.ready();

    t.equal(
      stack.gatewayUrl,
      `http://127.0.0.1:${workspace.port}`,
      'the gateway has the port that was asked for',
    );
    t.match(Object.keys(stack).sort(), [
      'admin',
      'apiKey',
      'databaseUrl',
      'gatewayUrl',
      'natsUrl',
      'partner',
      'pids',
      'redisUrl',
      'services',
    ]);
    t.equal(Object.values(stack.pids).filter(isAlive).length, 9, 'nine live processes are named');
    for (const [name, url] of Object.entries(stack.services)) {
      const answer = await fetch(`${url}/health/ready`);
      t.equal(
        Number(await answer.text()),
        stack.pids[name],
        `${name} is the process that answers at its address`,
      );
    }
    for (const file of ['stack.json', 'secrets.json', 'ports.json']) {
      t.equal((await stat(join(workspace.home, file))).mode & 0o777, 0o600, `${file} is for its owner alone`);
    }
    await until(() => (start.output().includes(stack.admin.password) ? true : undefined));

    start.process.kill('SIGTERM');
    t.equal(await start.ended, 0, 'it ends well');
    await untilNothingIsLeft(stack);
    t.equal(await readStackFile(workspace.home), undefined, 'stack.json is gone');

    const second = startWorkspace(t, workspace);
    const again = await second.ready();
    t.same(again.services, stack.services, 'the next start has the same addresses');
    t.equal(again.databaseUrl, stack.databaseUrl);
    t.same(
      [again.admin, again.partner, again.apiKey],
      [stack.admin, stack.partner, stack.apiKey],
      'and the same logins',
    );
  },
);

t.test('every process that dies comes back on its port, and stack.json names the new one', async (t) => {
  const workspace = await makeWorkspace(t);
  const start = startWorkspace(t, workspace);
  const before = await start.ready();
  for (const [name, pid] of Object.entries(before.pids)) {
    process.kill(pid, 'SIGKILL');
    const after = await until(async () => {
      const stack = await readStackFile(workspace.home);
      return stack?.pids[name] === pid ? undefined : stack;
    });
    t.ok(isAlive(after.pids[name] ?? 0), `${name} runs again`);
    t.same(after.services, before.services);
    t.match(start.output(), `${name} was ended by SIGKILL; starting it again.`);
  }
  const gateway = await fetch(`${before.gatewayUrl}/health/ready`);
  t.equal(gateway.status, 200);
});

t.test('what comes back serves although stack.json cannot be rewritten, and so does all else', async (t) => {
  const workspace = await makeWorkspace(t);
  const start = startWorkspace(t, workspace);
  const before = await start.ready();
  const name = 'tracking-service';
  const inTheWay = join(workspace.home, `stack.json.${start.process.pid}.tmp`);
  await mkdir(inTheWay);
  process.kill(before.pids[name] ?? 0, 'SIGKILL');
  const back = await until(
    () => start.output().match(/tracking-service is back \(process (\d+)\)/) ?? undefined,
  );
  t.match(start.output(), /stack\.json could not be rewritten \(EISDIR/);
  t.equal((await fetch(`${before.services[name]}/health/ready`)).status, 200);

  await rmdir(inTheWay);
  process.kill(Number(back[1]), 'SIGKILL');
  const after = await until(async () => {
    const stack = await readStackFile(workspace.home);
    return stack?.pids[name] === before.pids[name] ? undefined : stack;
  });
  t.ok(isAlive(after.pids[name] ?? 0), 'and is noted again once that works');
  t.equal(Object.values(after.pids).filter(isAlive).length, 9, 'nothing else has ended');
});

t.test('a start that is killed leaves no process and no port, and does not block the next one', async (t) => {
  const workspace = await makeWorkspace(t);
  const start = startWorkspace(t, workspace);
  const stack = await start.ready();
  start.process.kill('SIGKILL');
  t.equal(await start.ended, 'SIGKILL');
  await untilNothingIsLeft(stack);

  const next = startWorkspace(t, workspace);
  t.same((await next.ready()).services, stack.services);
});

t.test('a launcher that is killed takes everything with it', async (t) => {
  const workspace = await makeWorkspace(t);
  const start = startWorkspace(t, workspace, { script: 'launch-fake.mjs' });
  const stack = await start.ready();
  start.process.kill('SIGKILL');
  await untilNothingIsLeft(stack);
  await until(async () => ((await readStackFile(workspace.home)) === undefined ? true : undefined));
  t.equal(await start.ended, 'SIGKILL');
  t.match(start.output(), 'Stopped', 'what it had started was stopped in order');
});

t.test('the launcher passes a signal on and answers with the exit code', async (t) => {
  const workspace = await makeWorkspace(t);
  const start = startWorkspace(t, workspace, { script: 'launch-fake.mjs' });
  const stack = await start.ready();
  start.process.kill('SIGINT');
  t.equal(await start.ended, 0);
  await untilNothingIsLeft(stack);
});

t.test('npm start that is killed takes everything with it', async (t) => {
  const workspace = await makeWorkspace(t);
  const start = startWorkspace(t, workspace, { npm: true });
  const stack = await start.ready();
  start.process.kill('SIGKILL');
  t.equal(await start.ended, 'SIGKILL');
  await untilNothingIsLeft(stack);
});

t.test(
  'npm start ends when npm is told to, also in the background of a script, which ignores SIGINT',
  async (t) => {
    const workspace = await makeWorkspace(t);
    const start = startWorkspace(t, workspace, { npm: true });
    const stack = await start.ready();
    start.process.kill('SIGINT');
    t.equal(await start.ended, 0);
    await untilNothingIsLeft(stack);
  },
);
