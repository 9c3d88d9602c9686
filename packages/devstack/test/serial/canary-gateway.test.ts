import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { waitFor } from '@tributary/testkit';
import t from 'tap';

import { startBalancer } from '../balancer.ts';
import { type CanaryRun, keepAsking, startCanary } from '../canary-tool.ts';
import { startFaultyProxy } from '../faulty-proxy.ts';
import { startPlatform } from '../platform.ts';

const platform = await startPlatform(t);
const candidate = await platform.startCandidate('gateway');
const balancer = await startBalancer(t, platform.gatewayUrl);
const nginx = ['--nginx-upstream', balancer.file, '--nginx-reload', balancer.reload];

/** Over a connection of its own: at a reload nginx closes idle ones, which a client has to expect of any server. */
async function ask(url: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${platform.apiKey}` };
    get(url, { headers, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    }).once('error', () => resolve(0));
  });
}

/** Readers that ask through the balancer until the test ends; what they were answered, by status. */
const statuses = keepAsking(t, () => ask(`${balancer.url()}/api/v1/operations/commissions?limit=1`));

const runCanary = async (args: readonly string[]): Promise<CanaryRun> =>
  startCanary(platform, 'gateway', [...args, ...nginx]).ended;
/** How the file that nginx includes splits requests. */
const split = (): Record<string, number> =>
  Object.fromEntries(
    [...readFileSync(balancer.file, 'utf8').matchAll(/^server (\S+) weight=(\d+);/gm)].map(
      ([, address = '', weight]) => [`http://${address}`, Number(weight)],
    ),
  );
const allTo = (url: string): Record<string, number> => ({ [url]: 100 });

async function recordOf(output: string): Promise<string[]> {
  const [id = ''] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(output) ?? [];
  const rows = await platform.db.query<{ action: string }>(
    "SELECT action FROM audit_logs WHERE entity_type = 'rollout' AND entity_id = $1 ORDER BY created_at, id",
    [id],
  );
  return rows.map(({ action }) => action);
}

/** What a gateway has answered so far. */
async function answeredBy(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = [...text.matchAll(/^http_requests_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

t.test('a good gateway is led to all requests by nginx, and a reset returns to the other', async (t) => {
  // Cold code and new connections are slow, and would be more than one in twenty of the few requests it is judged by.
  for (let n = 0; n < 200; n += 1) await ask(`${candidate.url}/api/v1/operations/commissions?limit=1`);
  const steps = ['--steps', '40,100', '--step-seconds', '3', '--min-requests', '80', '--worker-seconds', '1'];
  const { exitCode, output } = await runCanary(['--candidate', candidate.url, ...steps]);
  t.equal(exitCode, 0, output);
  t.match(output, /40 % of gateway go to [^]*100 %[^]*Consumers and jobs of candidate run[^]*Promoted/);
  t.same(split(), allTo(candidate.url));
  t.same(await recordOf(output), ['started', 'stepped', 'workers_started', 'promoted']);
  // Workers of nginx from before the reload still send for a while, and requests under way end where they were.
  const before = await waitFor(async () => {
    const count = await answeredBy(platform.gatewayUrl);
    await delay(500);
    return (await answeredBy(platform.gatewayUrl)) === count ? count : undefined;
  });
  const candidateBefore = await answeredBy(candidate.url);
  await waitFor(async () => (await answeredBy(candidate.url)) > candidateBefore + 20);
  t.equal(await answeredBy(platform.gatewayUrl), before, 'the old one is asked for nothing');

  const reset = await runCanary(['--reset']);
  t.equal(reset.exitCode, 0, reset.output);
  t.same(split(), allTo(platform.gatewayUrl));
  t.same(await recordOf(reset.output), ['reset']);
});

t.test('interrupted or killed, a rollout leaves the stable gateway serving', async (t) => {
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    const args = ['--candidate', candidate.url, '--steps', '10,100', '--step-seconds', '60', ...nginx];
    const { child, ended, output } = startCanary(platform, 'gateway', args);
    await waitFor(async () => split()[candidate.url] === 10);
    await waitFor(async () => (await recordOf(output())).includes('started'));
    child.kill(signal);
    await ended;
    await waitFor(async () => (await recordOf(output())).includes('given_up'));
    t.same(split(), allTo(platform.gatewayUrl), signal);
    t.same(await recordOf(output()), ['started', 'given_up'], signal);
    // The lease of a killed one runs out by itself.
    await platform.db.query("UPDATE leases SET expires_at = now() WHERE name LIKE 'canary:%'");
  }
});

t.test('an nginx that cannot be told changes nothing', async (t) => {
  const refusing = ['--nginx-upstream', balancer.file, '--nginx-reload', 'exit 1'];
  const run = await startCanary(platform, 'gateway', ['--candidate', candidate.url, ...refusing]).ended;
  t.match(run, { exitCode: 2, output: /nginx did not take/ });
  t.same(split(), allTo(platform.gatewayUrl));
});

t.test('until here no request has failed', async (t) => {
  t.same([...statuses.keys()], [200]);
});

t.test('a gateway that answers 6 % errors is rolled back', async (t) => {
  // Its figures are those of the gateway behind it, which sees no errors: they are made of a service that fails.
  const service = await startFaultyProxy(t, platform.services['operations-service'].url, {
    errorsPerThousand: 60,
  });
  const bad = await platform.startCandidate('gateway', {}, { 'operations-service': service });
  const steps = ['--steps', '50,100', '--step-seconds', '20', '--min-requests', '100'];
  const { exitCode, output } = await runCanary(['--candidate', bad.url, ...steps]);
  t.equal(exitCode, 1, output);
  t.match(output, /Rolled back: .*more than 5 % errors/);
  t.same(split(), allTo(platform.gatewayUrl));
  t.same(await recordOf(output), ['started', 'rolled_back']);
});
