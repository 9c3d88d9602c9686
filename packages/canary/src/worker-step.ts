import { UnableToJudge } from './failure.ts';
import { readWork, type Work } from './figures/work.ts';
import { judgeWork, type Verdict } from './judge.ts';
import { patiently, pause } from './patience.ts';
import type { RolloutDeps } from './roll-out.ts';
import type { RouteWeight } from './routing.ts';
import type { Plan } from './settings.ts';

const LOOK_EVERY_MS = 1_000;
/** A process looks once a second whether its workers may run. */
const STARTED_WITHIN_MS = 20_000;
/** What a process is called that is no candidate. */
const STABLE = 'stable';

export interface WorkerStep {
  readonly verdict: Verdict;
  /** Every row of the service after this step, if it was good. */
  readonly weights: readonly RouteWeight[];
}

/**
 * The last step: lets the candidate's consumers and jobs run, beside the stable release's, and judges them by what they
 * fail at. What fails is done by the stable release: both take from the same queues.
 * @param weights those with which the candidate has all requests
 */
export async function watchWork(
  plan: Plan,
  weights: readonly RouteWeight[],
  deps: RolloutDeps,
): Promise<WorkerStep> {
  const read = (): Promise<Work> => patiently(() => readWork(plan.candidate), deps.signal);
  const before = await read();
  if (before.release === undefined || before.release === STABLE) {
    if (plan.steps.length === 0)
      throw new UnableToJudge('the candidate takes no requests and has no RELEASE of its own');
    deps.say('The candidate has no RELEASE of its own: its consumers and jobs stay as they are.');
    return { verdict: { kind: 'good', says: '' }, weights };
  }
  const { release } = before;
  const withWorkers = weights.map((row) => (row.release === 'canary' ? { ...row, workers: release } : row));
  await deps.change({
    action: 'workers_started',
    weights: withWorkers,
    reason: `consumers and jobs of ${release}`,
  });
  await untilRunning(read, deps.signal);
  deps.say(`Consumers and jobs of ${release} run.`);
  const began = performance.now();
  for (;;) {
    await pause(Math.min(LOOK_EVERY_MS, plan.workersMs), deps.signal);
    const now = await read();
    const verdict = judgeWork(before, now);
    const isOver = performance.now() - began >= plan.workersMs;
    if (isOver && verdict.kind === 'good') deps.say(`Consumers and jobs: ${verdict.says}.`);
    if (isOver || verdict.kind === 'bad') return { verdict, weights: withWorkers };
  }
}

async function untilRunning(read: () => Promise<Work>, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + STARTED_WITHIN_MS;
  while (!(await read()).isRunning) {
    if (performance.now() > deadline)
      throw new UnableToJudge('the consumers and jobs of the candidate did not start');
    await pause(LOOK_EVERY_MS, signal);
  }
}
