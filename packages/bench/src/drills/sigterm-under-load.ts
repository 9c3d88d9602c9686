import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { freePort } from '@tributary/local-servers';
import { Agent, request } from 'undici';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';

import type { DrillContext, DrillDeclaration, DrillResult } from '../drill-declaration.ts';

const GONE_WITHIN_MS = 15_000;
const BACK_WITHIN_MS = 30_000;
const REQUESTS_PER_SECOND = 100;
/** A balancer before the gateway asks it this often whether it is ready, and tries a refused connection again. */
const BALANCER_PROBE_MS = 50;
const BALANCER_PATIENCE_MS = 15_000;
const UNLIMITED = '1000000000';

const stackSchema = z.object({
  gatewayUrl: z.url(),
  apiKey: z.string(),
  services: z.record(z.string(), z.url()),
  pids: z.record(z.string(), z.number()),
});
type Stack = z.output<typeof stackSchema>;

/** What is asked for all the while: something of every service. Nothing may repeat a write without a key. */
const WORK = [
  { method: 'GET', path: '/api/v1/operations/commissions?limit=5', hasKey: false },
  { method: 'GET', path: '/api/v1/dashboard/kpi', hasKey: false },
  { method: 'POST', path: '/api/v1/partners', hasKey: false },
  { method: 'GET', path: '/api/v1/webhooks/event-types', hasKey: false },
  { method: 'GET', path: '/api/v1/auth/me', hasKey: false },
  { method: 'GET', path: '/api/v1/tracking/conversions?limit=5', hasKey: false },
  { method: 'POST', path: '/api/v1/partners', hasKey: true },
] as const;
type Work = (typeof WORK)[number];

interface Load {
  readonly failures: string[];
  readonly counts: Counts;
  stop(): Promise<void>;
}

interface Counts {
  answered: number;
  repeated: number;
}

interface Balancer {
  readonly stack: Stack;
  readonly agent: Agent;
  readonly counts: Counts;
  isGatewayReady: boolean;
}

export const sigtermUnderLoadDrill: DrillDeclaration = {
  name: 'sigterm-under-load',
  says: 'SIGTERM to each process in turn, all of them restarted under load: no failed request, each gone within 15 s',
  async run(context) {
    const platform = await startStack(context);
    try {
      return await drill(context);
    } finally {
      const ended = once(platform, 'exit');
      platform.kill('SIGTERM');
      await ended;
    }
  },
};

const readStack = async ({ folder }: DrillContext): Promise<Stack> =>
  stackSchema.parse(JSON.parse(await readFile(join(folder, 'stack.json'), 'utf8')));

/** The platform as `npm start` runs it: whatever ends is started again on the same port. */
async function startStack(context: DrillContext): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(context.root, 'packages/devstack/src/start.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      TRIBUTARY_HOME: context.folder,
      PORT: String(await freePort()),
      DEMONSTRATION: 'off',
      RATE_LIMIT_API_KEY: UNLIMITED,
    },
  });
  while ((await readStack(context).catch(() => undefined)) === undefined) {
    if (child.exitCode !== null) throw new Error('The platform did not start');
    await pause(100);
  }
  return child;
}

async function drill(context: DrillContext): Promise<DrillResult> {
  const stack = await readStack(context);
  const load = offer(stack);
  const slow: string[] = [];
  await pause(2_000);
  for (const service of Object.keys(stack.services)) {
    const goneMs = await restart(context, service);
    context.log(`${service}: gone after ${seconds(goneMs)}, ${load.failures.length} failed so far`);
    if (goneMs > GONE_WITHIN_MS) slow.push(service);
    await pause(1_000);
  }
  await load.stop();
  const { answered, repeated } = load.counts;
  context.log(`${answered} requests, ${repeated} of them connected again, ${load.failures.length} failed`);
  for (const failure of load.failures.slice(0, 10)) context.log(failure);
  return { passed: load.failures.length === 0 && slow.length === 0 };
}

/** Ends a process politely; answers how long that took, once its successor is ready. */
async function restart(context: DrillContext, service: string): Promise<number> {
  const { pids, services } = await readStack(context);
  const pid = pids[service];
  if (pid === undefined) throw new Error(`stack.json names no process ${service}`);
  const startedAt = performance.now();
  process.kill(pid, 'SIGTERM');
  while (isAlive(pid) && performance.now() - startedAt < GONE_WITHIN_MS * 2) await pause(20);
  const goneMs = performance.now() - startedAt;
  for (;;) {
    const isBack = await fetch(`${services[service]}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isBack && (await readStack(context)).pids[service] !== pid) return goneMs;
    if (performance.now() - startedAt > BACK_WITHIN_MS) throw new Error(`${service} did not come back`);
    await pause(50);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** At a steady rate, whatever the answers do, as clients behind a balancer would. */
function offer(stack: Stack): Load {
  const failures: string[] = [];
  const counts = { answered: 0, repeated: 0 };
  const balancer: Balancer = { stack, agent: new Agent({ connections: 64 }), counts, isGatewayReady: true };
  const underWay = new Set<Promise<void>>();
  let next = 0;
  const send = async (): Promise<void> => {
    const work = WORK[next++ % WORK.length] ?? WORK[0];
    const failure = await ask(balancer, work);
    counts.answered += 1;
    if (failure !== undefined) failures.push(`${work.method} ${work.path}: ${failure}`);
  };
  const probe = setInterval(() => void probeGateway(balancer), BALANCER_PROBE_MS);
  const timer = setInterval(() => {
    const asking = send();
    underWay.add(asking);
    void asking.finally(() => underWay.delete(asking));
  }, 1_000 / REQUESTS_PER_SECOND);
  return {
    failures,
    counts,
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      clearInterval(probe);
      await balancer.agent.close();
    },
  };
}

async function probeGateway(balancer: Balancer): Promise<void> {
  const answer = await fetch(`${balancer.stack.gatewayUrl}/health/ready`).catch(() => undefined);
  balancer.isGatewayReady = answer?.ok === true;
}

/** What went wrong, if anything did. */
async function ask(balancer: Balancer, work: Work): Promise<string | undefined> {
  const giveUpAt = performance.now() + BALANCER_PATIENCE_MS;
  const sent = requestOf(work, balancer.stack.apiKey);
  for (;;) {
    while (!balancer.isGatewayReady && performance.now() < giveUpAt) await pause(BALANCER_PROBE_MS);
    try {
      const answer = await request(balancer.stack.gatewayUrl + work.path, {
        dispatcher: balancer.agent,
        ...sent,
      });
      const text = await answer.body.text();
      return answer.statusCode < 400 ? undefined : `${answer.statusCode} ${text.slice(0, 200)}`;
    } catch (error) {
      if (!mayRepeat(error, work) || performance.now() > giveUpAt) return String(error);
      balancer.counts.repeated += 1;
      await pause(BALANCER_PROBE_MS);
    }
  }
}

function requestOf({ method, hasKey }: Work, apiKey: string) {
  const id = uuidv7();
  const authorization = `Bearer ${apiKey}`;
  if (method === 'GET') return { method, headers: { authorization } };
  const headers = {
    authorization,
    'content-type': 'application/json',
    ...(hasKey ? { 'idempotency-key': id } : {}),
  };
  return { method, headers, body: JSON.stringify({ name: `Partner ${id}`, email: `${id}@example.com` }) };
}

/** Nothing was sent; or the connection was closed as the request went out, and sending it twice does no harm. */
function mayRepeat(error: unknown, { method, hasKey }: Work): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ECONNREFUSED') return true;
  return (method === 'GET' || hasKey) && ['UND_ERR_SOCKET', 'ECONNRESET'].includes(code);
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
