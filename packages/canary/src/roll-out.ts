import { setTimeout as delay } from 'node:timers/promises';

import { UnableToJudge } from './failure.ts';
import { since, type Totals } from './figures/totals.ts';
import type { ReadTotals } from './figures/read-figures.ts';
import { judge, type Verdict, type Window } from './judge.ts';
import type { RouteWeight, RoutingChange } from './routing.ts';
import type { Plan } from './settings.ts';

export type Outcome = 'promoted' | 'rolled_back';

export interface RolloutDeps {
  readonly readTotals: ReadTotals;
  readonly change: (change: RoutingChange) => Promise<void>;
  readonly say: (line: string) => void;
  /** Aborts when whoever started the rollout wants it to end. */
  readonly signal: AbortSignal;
}

const LOOK_EVERY_MS = 1_000;
/** Too few requests hold a step up to this many times its length. */
const MAX_HOLD = 3;
/** A gateway or Prometheus that does not answer for so long leaves us blind. */
const BLIND_MS = 20_000;

/** The release that answers now, as rows: none is the stack's own process. */
export function stableOf(weights: readonly RouteWeight[]): RouteWeight[] {
  const serving = weights.find(({ weight }) => weight === 100);
  return serving === undefined ? [] : [{ ...serving, release: 'stable', weight: 100 }];
}

function split(stable: readonly RouteWeight[], candidate: string, weight: number): RouteWeight[] {
  return [
    ...stable.map((row) => ({ ...row, weight: 100 - weight })),
    { release: 'canary', url: candidate, weight },
  ];
}

/**
 * Leads the candidate step by step to all traffic, judging as it goes; back to the stable release as soon as it is bad.
 * @throws {UnableToJudge} when it cannot tell; the caller puts the stable release back
 */
export async function rollOut(
  plan: Plan,
  stable: readonly RouteWeight[],
  deps: RolloutDeps,
): Promise<Outcome> {
  const { change, say } = deps;
  // Before the first step all traffic is the stable release's: what it is compared with when it has none of its own.
  let usual = (await readPatiently(deps)).stable;
  for (const [index, step] of plan.steps.entries()) {
    const action = index === 0 ? 'started' : 'stepped';
    const before = await readPatiently(deps);
    await change({
      action,
      weights: split(stable, plan.candidate, step),
      reason: `${step} % to ${plan.candidate}`,
    });
    say(`${step} % of ${plan.service} go to ${plan.candidate}.`);
    const { verdict, stable: seen } = await watchStep(plan, { before, usual }, deps);
    if (verdict.kind === 'bad') {
      await change({ action: 'rolled_back', weights: stable, reason: verdict.says });
      say(`Rolled back: ${verdict.says}.`);
      return 'rolled_back';
    }
    say(`${step} %: ${verdict.says}.`);
    usual = seen;
  }
  const weights = split(stable, plan.candidate, 100);
  await change({ action: 'promoted', weights, reason: 'every step was good' });
  say(`Promoted: all of ${plan.service} go to ${plan.candidate}.`);
  return 'promoted';
}

interface Baseline {
  readonly before: Totals;
  /** Of the stable release when it had traffic last. */
  readonly usual: Window;
}

/** Looks once a second until the step is over, or bad. */
async function watchStep(
  plan: Plan,
  { before, usual }: Baseline,
  deps: RolloutDeps,
): Promise<{ verdict: Verdict; stable: Window }> {
  const began = performance.now();
  let wasHeld = false;
  for (;;) {
    await pause(Math.min(LOOK_EVERY_MS, plan.stepMs), deps.signal);
    const now = await readPatiently(deps);
    const fresh = since(before.stable, now.stable);
    const stable = fresh.requests >= plan.minRequests / 10 ? fresh : usual;
    const verdict = judge(since(before.canary, now.canary), stable, plan.minRequests);
    const elapsed = performance.now() - began;
    if (verdict.kind === 'bad') return { verdict, stable };
    if (elapsed < plan.stepMs) continue;
    if (verdict.kind === 'good') return { verdict, stable };
    if (elapsed >= plan.stepMs * MAX_HOLD)
      throw new UnableToJudge(
        `too few requests to judge by: ${verdict.says}, ${plan.minRequests} are needed`,
      );
    if (!wasHeld) deps.say(`Holding: ${verdict.says}; ${plan.minRequests} requests are needed.`);
    wasHeld = true;
  }
}

/** A scrape that fails is tried again; for how long it may, see BLIND_MS. */
async function readPatiently({ readTotals, signal }: RolloutDeps): Promise<Totals> {
  const deadline = performance.now() + BLIND_MS;
  for (;;) {
    try {
      return await readTotals();
    } catch (error) {
      if (performance.now() > deadline)
        throw new UnableToJudge(`the figures could not be read: ${String(error)}`, { cause: error });
      await pause(LOOK_EVERY_MS, signal);
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    throw new UnableToJudge('it was interrupted');
  }
}
