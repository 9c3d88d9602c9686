import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { waitFor } from '@tributary/testkit';
import t from 'tap';

import { clientOf, dataOf } from '../api-client.ts';
import { startPlatform } from '../platform.ts';

const CLI = join(import.meta.dirname, '../../../canary/src/cli.ts');
const SERVICE = 'batch-scheduler';
const QUICK = ['--worker-seconds', '12'];

const platform = await startPlatform(t);
const { owner } = platform;
const call = clientOf(platform, platform.apiKey);

async function runCanary(args: readonly string[]): Promise<{ exitCode: number | null; output: string }> {
  const child = spawn(process.execPath, [CLI, SERVICE, ...args], {
    env: { PATH: process.env['PATH'], ...platform.toolEnvironment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  return new Promise((resolve) => {
    child.once('close', (exitCode) => resolve({ exitCode, output }));
  });
}

const rows = () =>
  owner.query<{ workers: string | null }>('SELECT workers FROM routing_weights WHERE service = $1', [
    SERVICE,
  ]);

async function running(url: string): Promise<boolean> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return /^workers_running\{[^}]*\} 1$/m.test(text);
}

/** While the rollout goes on, there is work for both schedulers. */
async function withJobs<T>(during: Promise<T>): Promise<T> {
  const over = new AbortController();
  const result = during.finally(() => over.abort());
  while (!over.signal.aborted) {
    await dataOf(call('POST', '/operations/jobs/purge-expired/run', { body: {} }), 202).catch(
      () => undefined,
    );
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return result;
}

t.test('a service without routes is rolled out by its jobs: they start, are judged, and go on', async (t) => {
  const candidate = await platform.startCandidate(SERVICE);
  t.notOk(await running(candidate.url), 'off until the last step');
  const { exitCode, output } = await withJobs(runCanary(['--candidate', candidate.url, ...QUICK]));
  t.equal(exitCode, 0, output);
  t.match(output, /takes no requests[^]*Consumers and jobs of candidate run[^]* 0 failed[^]*Promoted/);
  t.same(await rows(), [{ workers: 'candidate' }]);
  t.ok(await running(candidate.url));

  t.equal((await runCanary(['--reset'])).exitCode, 0);
  await waitFor(async () => !(await running(candidate.url)), {
    timeoutMs: 10_000,
    what: 'the workers to end',
  });
});

t.test(
  'a candidate whose jobs fail is rolled back, its jobs end, and the stable one does the work',
  async (t) => {
    // Only to the candidate is the clean-up forbidden.
    await owner.query(
      `CREATE FUNCTION refuse_the_candidate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('tributary.candidate', true) = 'on' THEN RAISE EXCEPTION 'the candidate is broken'; END IF;
      RETURN NULL;
    END $$`,
    );
    await owner.query(
      `CREATE TRIGGER refuse_the_candidate BEFORE DELETE ON idempotency_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_the_candidate()`,
    );
    const candidate = await platform.startCandidate(SERVICE, { 'tributary.candidate': 'on' });
    const { exitCode, output } = await withJobs(
      runCanary(['--candidate', candidate.url, '--worker-seconds', '60']),
    );
    t.equal(exitCode, 1, output);
    t.match(output, /Rolled back: .* failed: more than 5 %/);
    t.same(await rows(), []);
    await waitFor(async () => !(await running(candidate.url)), {
      timeoutMs: 10_000,
      what: 'the workers to end',
    });
    await waitFor(
      async () =>
        (
          await owner.query(
            "SELECT FROM jobs WHERE name = 'purge-expired' AND status IN ('queued', 'running')",
          )
        ).length === 0,
      { timeoutMs: 30_000, what: 'the stable scheduler to end what there was' },
    );
  },
);

t.test('a candidate that ends while its workers run is rolled back, however soon it is back', async (t) => {
  const candidate = await platform.startCandidate(SERVICE);
  const rollout = runCanary(['--candidate', candidate.url, '--worker-seconds', '60']);
  await waitFor(() => running(candidate.url), { timeoutMs: 20_000, what: 'the workers to run' });
  await candidate.kill();
  await candidate.restart();
  const { exitCode, output } = await rollout;
  t.equal(exitCode, 1, output);
  t.match(output, /Rolled back: the candidate was restarted while its workers ran/);
  t.same(await rows(), []);
});
