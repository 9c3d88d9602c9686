import { waitFor } from '@tributary/testkit';
import t from 'tap';

import { clientOf } from '../api-client.ts';
import { type CanaryRun, keepAsking, startCanary } from '../canary-tool.ts';
import { startFaultyProxy } from '../faulty-proxy.ts';
import { startPlatform } from '../platform.ts';

const SERVICE = 'operations-service';

const platform = await startPlatform(t);
const { db } = platform;
const call = clientOf(platform, platform.apiKey);
const candidate = await platform.startCandidate(SERVICE);

/** Readers that ask for lists until the test ends; what they were answered, by status. */
const statuses = keepAsking(t, async () => {
  const { status } = await call('GET', '/operations/commissions?limit=1');
  return status;
});

const quick = [
  '--steps',
  '40,70,100',
  '--step-seconds',
  '6',
  // Enough that the first requests, which meet cold code and new connections, are fewer than one in twenty.
  '--min-requests',
  '400',
  '--worker-seconds',
  '1',
];
const runCanary = async (args: readonly string[]): Promise<CanaryRun> =>
  startCanary(platform, SERVICE, args).ended;
const weights = () =>
  db.query<{ release: string; weight: number }>(
    'SELECT release, weight FROM routing_weights WHERE service = $1 ORDER BY release',
    [SERVICE],
  );
/** What the audit log says of the rollout that a run's output names, in order. */
async function recordOf(output: string): Promise<string[]> {
  const [id = ''] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(output) ?? [];
  const rows = await db.query<{ action: string }>(
    "SELECT action FROM audit_logs WHERE entity_type = 'rollout' AND entity_id = $1 ORDER BY created_at, id",
    [id],
  );
  return rows.map(({ action }) => action);
}

t.test(
  'a good candidate is led to all traffic, and a reset returns to the process of the stack',
  async (t) => {
    const { exitCode, output } = await runCanary(['--candidate', candidate.url, ...quick]);
    t.equal(exitCode, 0, output);
    t.match(
      output,
      /40 % of operations-service go to [^]*70 %[^]*100 %[^]*Consumers and jobs of candidate run[^]*Promoted/,
    );
    t.match(await weights(), [{ release: 'canary', weight: 100 }]);
    t.same(await recordOf(output), ['started', 'stepped', 'stepped', 'workers_started', 'promoted']);
    const events = await db.query(
      "SELECT FROM outbox_events WHERE type = 'routing.changed' AND sent_at IS NOT NULL",
    );
    t.ok(events.length > 0, 'the gateways were told');

    const reset = await runCanary(['--reset']);
    t.equal(reset.exitCode, 0, reset.output);
    t.same(await weights(), []);
    t.same(await recordOf(reset.output), ['reset']);
  },
);

t.test('a candidate that answers 6 % errors is rolled back', async (t) => {
  const url = await startFaultyProxy(t, candidate.url, { errorsPerThousand: 60 });
  const { exitCode, output } = await runCanary([
    '--candidate',
    url,
    '--steps',
    '30,100',
    '--step-seconds',
    '20',
    '--min-requests',
    '100',
  ]);
  t.equal(exitCode, 1, output);
  t.match(output, /Rolled back: .*more than 5 % errors/);
  t.same(await weights(), [], 'the stable release has everything');
  t.same(await recordOf(output), ['started', 'rolled_back']);
});

t.test('a candidate that is more than twice as slow is rolled back', async (t) => {
  const url = await startFaultyProxy(t, candidate.url, { delayMs: 400 });
  const { exitCode, output } = await runCanary([
    '--candidate',
    url,
    '--steps',
    '50,100',
    '--step-seconds',
    '20',
    '--min-requests',
    '40',
  ]);
  t.equal(exitCode, 1, output);
  t.match(output, /Rolled back: .*more than twice as slow/);
  t.same(await weights(), []);
});

t.test('too few requests hold a step, and then the stable release is put back', async (t) => {
  const args = ['--candidate', candidate.url, '--steps', '10,100', '--step-seconds', '1'];
  const { exitCode, output } = await runCanary([...args, '--min-requests', '100000']);
  t.equal(exitCode, 2, output);
  t.match(output, /Holding: [^]*Given up: too few requests/);
  t.same(await weights(), []);
  t.same(await recordOf(output), ['started', 'given_up']);
});

t.test('interrupted or killed, a rollout leaves the stable release serving', async (t) => {
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    const args = ['--candidate', candidate.url, '--steps', '10,100', '--step-seconds', '60'];
    const { child, ended, output } = startCanary(platform, SERVICE, args);
    await waitFor(async () => (await weights()).length > 0);
    const second = await runCanary(['--candidate', candidate.url]);
    t.match(second, { exitCode: 2, output: /another rollout/ }, 'one rollout at a time');
    child.kill(signal);
    await ended;
    await waitFor(async () => (await weights()).length === 0);
    await waitFor(async () => (await recordOf(output())).includes('given_up'));
    t.same(await recordOf(output()), ['started', 'given_up'], signal);
    // The lease of a killed one runs out by itself.
    await db.query("UPDATE leases SET expires_at = now() WHERE name LIKE 'canary:%'");
  }
});

t.test('a candidate that is not ready changes nothing', async (t) => {
  t.match(await runCanary(['--candidate', 'http://127.0.0.1:1']), {
    exitCode: 2,
    output: /nothing was changed/,
  });
  t.same(await weights(), []);
});

t.test('but for the errors of the bad candidate, no request failed', async (t) => {
  const others = [...statuses.keys()].filter((status) => status !== 200 && status !== 500);
  t.same(others, []);
});
