import { createLease, newId } from '@tributary/runtime';
import { z } from 'zod';

import { type Connection, connectPlatform } from './connect-platform.ts';
import { UnableToJudge } from './failure.ts';
import { fromGateways } from './figures/gateways.ts';
import { fromGateway, fromPrometheus, type ReadTotals } from './figures/read-figures.ts';
import { type Nginx, splitByNginx } from './nginx.ts';
import { rollOut, stableOf } from './roll-out.ts';
import { readWeights, type Rollout, type RouteWeight } from './routing.ts';
import { type Command, GATEWAY, type Plan, type Platform } from './settings.ts';
import { startGuardian } from './watch-over.ts';

/** What the exit code says. */
export const EXIT = { promoted: 0, rolled_back: 1, unable: 2 } as const;

export interface CanaryOptions {
  readonly platform: Platform;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Carries out one command and answers the exit code. */
export async function runCanary(command: Command, options: CanaryOptions): Promise<number> {
  const { platform } = options;
  const nginx = command.nginx && { ...command.nginx, stableUrl: platform.gatewayUrl };
  const connection = connectPlatform({ ...platform, nginx });
  try {
    return command.kind === 'reset'
      ? await reset(command.service, connection, options)
      : await lead(command.plan, connection, { ...options, nginx });
  } finally {
    await connection.close();
  }
}

async function reset(service: string, connection: Connection, { say }: CanaryOptions): Promise<number> {
  const rollout = { id: newId(), service };
  await connection.change(rollout, {
    action: 'reset',
    weights: [],
    reason: "back to the stack's own process",
  });
  say(`All of ${service} go to the stack's own process again (rollout ${rollout.id}).`);
  return EXIT.promoted;
}

const READY_TIMEOUT_MS = 5_000;

async function requireReady({ candidate }: Plan): Promise<void> {
  const url = `${candidate}/health/ready`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) }).catch(() => undefined);
  if (answer?.status !== 200)
    throw new UnableToJudge(`${url} answers ${answer?.status ?? 'nothing'}: nothing was changed`);
}

const documentSchema = z.object({ paths: z.record(z.string(), z.unknown()) });

/** Whether the service has routes; the batch scheduler has none, and is judged by its jobs alone. */
async function takesRequests({ service, candidate }: Plan): Promise<boolean> {
  if (service === GATEWAY) return true;
  const url = `${candidate}/internal/openapi.json`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
  if (answer.status !== 200) throw new UnableToJudge(`${url} answers ${answer.status}: nothing was changed`);
  return Object.keys(documentSchema.parse(await answer.json()).paths).length > 0;
}

interface LeadOptions extends CanaryOptions {
  readonly nginx: Nginx | undefined;
}

async function lead(plan: Plan, connection: Connection, options: LeadOptions): Promise<number> {
  await requireReady(plan);
  const rollout = { id: newId(), service: plan.service };
  const lease = createLease({ db: connection.db, name: `canary:${plan.service}`, holder: rollout.id });
  const held = await lease.acquire();
  if (held === undefined) throw new UnableToJudge(`another rollout of ${plan.service} is under way`);
  const renewing = setInterval(() => void lease.renew(held).catch(() => undefined), lease.ttlMs / 3);
  try {
    return await leadHeld(plan, { connection, rollout, options });
  } finally {
    clearInterval(renewing);
    await lease.release(held);
  }
}

interface Held {
  readonly connection: Connection;
  readonly rollout: Rollout;
  readonly options: LeadOptions;
}

/** Where the figures of this rollout are. */
function figuresOf(plan: Plan, stable: readonly RouteWeight[], { platform }: LeadOptions): ReadTotals {
  const { service, candidate, prometheusUrl } = plan;
  const { gatewayUrl, metricsToken } = platform;
  if (service === GATEWAY)
    return fromGateways({ stable: stable[0]?.url ?? gatewayUrl, candidate, prometheusUrl });
  return prometheusUrl === undefined
    ? fromGateway(gatewayUrl, service, metricsToken)
    : fromPrometheus(prometheusUrl, service);
}

async function leadHeld(plan: Plan, { connection, rollout, options }: Held): Promise<number> {
  const { platform, nginx, say, signal } = options;
  const steps = (await takesRequests(plan)) ? plan.steps : [];
  if (steps.length === 0)
    say(`${plan.service} takes no requests: its jobs and consumers are all there is to judge.`);
  const stable = stableOf(await readWeights(connection.db, plan.service));
  // What is so already, once more: a file or a command that does not work is found while nothing has changed.
  if (nginx !== undefined) await splitByNginx(nginx, stable);
  const guardian = startGuardian({ servers: { ...platform, nginx }, rollout, weights: stable });
  const readTotals = figuresOf(plan, stable, options);
  say(`Rollout ${rollout.id} of ${plan.service}.`);
  try {
    const change: Parameters<typeof rollOut>[2]['change'] = (step) => connection.change(rollout, step);
    const outcome = await rollOut({ ...plan, steps }, stable, { readTotals, change, say, signal });
    guardian.dismiss();
    return EXIT[outcome];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // Without this the guardian does it, as soon as this process is gone.
    await connection.change(rollout, { action: 'given_up', weights: stable, reason });
    guardian.dismiss();
    say(`Given up: ${reason}. The stable release serves all of ${plan.service}.`);
    return EXIT.unable;
  }
}
