import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { isAlive, waitFor } from '@tributary/testkit';
import t from 'tap';

import { type ProcessExit, type RunningProcess, supervise } from '../src/processes/supervisor.ts';

async function startSleep(): Promise<RunningProcess> {
  const child = spawn('sleep', ['600']);
  const exited = once(child, 'exit').then(([code, signal]): ProcessExit => ({ code, signal }));
  await once(child, 'spawn');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return { pid: child.pid ?? 0, exited, stop };
}

t.test('a process is kept alive although nobody could take note of its second life', async (t) => {
  const pids: number[] = [];
  const said: string[] = [];
  const supervised = await supervise(
    {
      name: 'sleeper',
      start: startSleep,
      onRunning: (pid) => {
        pids.push(pid);
        if (pids.length === 2) throw new Error('the disk is full');
      },
      log: (line) => said.push(line),
    },
    new AbortController().signal,
  );
  t.teardown(() => supervised.stop());

  process.kill(pids[0] ?? 0, 'SIGKILL');
  await waitFor(() => pids.length === 2);
  t.match(said.join('\n'), /could not be noted \(the disk is full\)/);
  process.kill(pids[1] ?? 0, 'SIGKILL');
  await waitFor(() => pids.length === 3);
  t.ok(isAlive(pids[2] ?? 0));

  await supervised.stop();
  t.notOk(isAlive(pids[2] ?? 0), 'and it ends when it is told to');
});
