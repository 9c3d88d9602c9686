import { patiently, pause } from './patience.ts';
import { UnableToJudge } from './failure.ts';
import { since, type Totals } from './figures/totals.ts';
import type { ReadTotals } from './figures/read-figures.ts';
import { judge, type Verdict, type Window } from './judge.ts';
import type { RouteWeight, RoutingChange } from './routing.ts';
import type { Plan } from './settings.ts';
import { watchWork } from './worker-step.ts';

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

/** The release that answers now, as rows: none is the stack's own process. */
export function stableOf(weights: readonly RouteWeight[]): RouteWeight[] {
  const serving = weights.find(({ weight }) => weight === 100);
  return serving === undefined ? [] : [{ ...serving, release: 'stable', weight: 100 }];
}

function split(stable: readonly RouteWeight[], candidate: string, weight: number): RouteWeight[] {
  return [
    ...stable.map((row) => ({ ...row, weight: 100 - weight })),
    { release: 'canary', url: candidate, weight, workers: null },
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
  const rolledBack = async (says: string): Promise<Outcome> => {
    await change({ action: 'rolled_back', weights: stable, reason: says });
    say(`Rolled back: ${says}.`);
    return 'rolled_back';
  };
  // Before the first step all traffic is the stable release's: what it is compared with when it has none of its own.
  let usual = (await patiently(deps.readTotals, deps.signal)).stable;
  for (const [index, step] of plan.steps.entries()) {
    const action = index === 0 ? 'started' : 'stepped';
    const before = await patiently(deps.readTotals, deps.signal);
    await change({
      action,
      weights: split(stable, plan.candidate, step),
      reason: `${step} % to ${plan.candidate}`,
    });
    say(`${step} % of ${plan.service} go to ${plan.candidate}.`);
    const { verdict, stable: seen } = await watchStep(plan, { before, usual }, deps);
    if (verdict.kind === 'bad') return rolledBack(verdict.says);
    say(`${step} %: ${verdict.says}.`);
    usual = seen;
  }
  const work = await watchWork(plan, split(stable, plan.candidate, 100), deps);
  if (work.verdict.kind === 'bad') return rolledBack(work.verdict.says);
  const { weights } = work;
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
    const now = await patiently(deps.readTotals, deps.signal);
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
