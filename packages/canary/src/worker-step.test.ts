import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import t, { type Test } from 'tap';

import type { RoutingChange } from './routing.ts';
import type { Plan } from './settings.ts';
import { watchWork } from './worker-step.ts';

interface Process {
  startedAt: number;
  isRunning: boolean;
  failed: number;
}

const exposition = ({ startedAt, isRunning, failed }: Process): string => `
process_start_time_seconds{service="batch-scheduler"} ${startedAt}
workers_running{release="v2",service="batch-scheduler"} ${isRunning ? 1 : 0}
event_retries_total{consumer="a",service="batch-scheduler"} ${failed}
`;

/** The worker step of a candidate whose process is as `live` makes it, from one look to the next. */
async function stepOf(t: Pick<Test, 'teardown'>, live: (looks: number) => Process) {
  let looks = 0;
  const changes: RoutingChange[] = [];
  const server = createServer((_request, response) => response.end(exposition(live(looks++))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const candidate = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const plan: Plan = {
    service: 'batch-scheduler',
    candidate,
    steps: [],
    stepMs: 1_000,
    minRequests: 1,
    workersMs: 1_500,
    prometheusUrl: undefined,
  };
  const { verdict, weights } = await watchWork(
    plan,
    [{ release: 'canary', url: candidate, weight: 100, workers: null }],
    {
      readTotals: () => Promise.reject(new Error('requests are not looked at')),
      change: async (change) => void changes.push(change),
      say: () => undefined,
      signal: new AbortController().signal,
    },
  );
  return { verdict, weights, changes: changes.map(({ action }) => action) };
}

t.test('workers that begin, run on and fail at nothing are good', async (t) => {
  const step = await stepOf(t, (looks) => ({ startedAt: 1_000, isRunning: looks > 0, failed: 0 }));
  t.match(step, { verdict: { kind: 'good' }, weights: [{ workers: 'v2' }], changes: ['workers_started'] });
});

t.test(
  'a process that keeps crashing is bad, although it has counted nothing whenever one looks',
  async (t) => {
    const step = await stepOf(t, (looks) => ({ startedAt: 1_000 + looks, isRunning: looks > 0, failed: 0 }));
    t.match(step.verdict, { kind: 'bad', says: 'the candidate was restarted while its workers ran' });
  },
);

t.test('a process that has crashed is bad, although it counts fewer failures than before', async (t) => {
  const step = await stepOf(t, (looks) =>
    looks < 2
      ? { startedAt: 1_000, isRunning: looks > 0, failed: 100 }
      : { startedAt: 1_010, isRunning: true, failed: 2 },
  );
  t.match(step.verdict, { kind: 'bad', says: /restarted/ });
});

t.test('workers that end by themselves are bad', async (t) => {
  const step = await stepOf(t, (looks) => ({ startedAt: 1_000, isRunning: looks === 1, failed: 0 }));
  t.match(step.verdict, { kind: 'bad', says: /ended before they were told to/ });
});
