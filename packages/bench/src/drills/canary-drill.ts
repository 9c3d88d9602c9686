import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Agent, request } from 'undici';

import type { DrillDeclaration } from '../drill-declaration.ts';
import { type DrillPlatform, startDrillPlatform, type UpstreamName } from '../platform/platform.ts';
import type { PlatformService } from '../platform/service.ts';

const RUNS = 50;
const ROLLED_BACK_WITHIN_MS = 60_000;
const MOST_FALSE = 1;
const ERRORS_PER_THOUSAND = 60;
/** Twice as slow and more than 50 ms slower, whatever the machine is busy with. */
const DELAY_MS = 400;
/** The time between two requests of a reader: enough for hundreds of requests a step, not all that there is. */
const THINK_MS = 20;
const READERS = 3;

/** What is asked of each service all the while; the scheduler has no routes, and is rolled out by its jobs. */
const WORK: readonly (readonly [UpstreamName, string])[] = [
  ['tracking-service', '/tracking/conversions?limit=1'],
  ['operations-service', '/partners?limit=1'],
  ['analytics-service', '/dashboard/kpi'],
  ['webhook-dispatcher', '/webhooks/event-types'],
];

/** Steps that are held up to three times as long, for a machine that is kept busy. */
const QUICK = ['--steps', '30,100', '--step-seconds', '8', '--min-requests', '100', '--worker-seconds', '3'];

export const canaryDrill: DrillDeclaration = {
  name: 'canary',
  says: `a second process of each service rolled out: good, ${ERRORS_PER_THOUSAND / 10} % errors, slow, too few requests; and --runs ${RUNS} of the same version against itself`,
  options: { runs: RUNS },
  async run(context) {
    const platform = await startDrillPlatform(context);
    const readers = startReaders(platform);
    try {
      const each = await Promise.all(WORK.map(([name]) => rolloutsOf(platform, name)));
      const jobs = await jobsRollout(platform);
      const few = await heldRollout(platform);
      const same = await sameAgainstItself(platform, context.options['runs'] ?? RUNS);
      return { passed: [...each, jobs, few, same].every(Boolean) };
    } finally {
      await readers.stop();
      await platform.stop();
    }
  },
};

/** Reads from every service until stopped. */
function startReaders({ ensembles, apiKey }: DrillPlatform) {
  const agent = new Agent({ connections: READERS * WORK.length });
  const stopping = new AbortController();
  const lane = async (path: string): Promise<void> => {
    while (!stopping.signal.aborted) {
      const { body } = await request(`${ensembles[0].gateway.url}/api/v1${path}`, {
        dispatcher: agent,
        headers: { authorization: `Bearer ${apiKey}` },
      });
      await body.dump();
      await pause(THINK_MS);
    }
  };
  const lanes = Promise.all(
    WORK.flatMap(([, path]) => Array.from({ length: READERS }, async () => lane(path))),
  );
  return {
    async stop() {
      stopping.abort();
      await lanes;
      await agent.close();
    },
  };
}

interface Run {
  readonly exitCode: number | null;
  readonly lastLine: string;
  readonly tookMs: number;
}

/** `npm run canary` as a person runs it. */
function runCanary(
  { context, toolEnvironment }: DrillPlatform,
  service: string,
  args: readonly string[],
): Promise<Run> {
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [join(context.root, 'packages/canary/src/cli.ts'), service, ...args],
    {
      env: { PATH: process.env['PATH'], ...toolEnvironment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) =>
      resolve({
        exitCode,
        lastLine: output.trim().split('\n').at(-1) ?? '',
        tookMs: performance.now() - began,
      }),
    );
  });
}

async function withCandidate<T>(
  platform: DrillPlatform,
  name: UpstreamName,
  faults: Readonly<Record<string, string>>,
  use: (candidate: PlatformService) => Promise<T>,
): Promise<T> {
  const worse = join(platform.context.root, 'packages/bench/src/peers/worse-release.ts');
  const candidate = await platform.startBeside(name, {
    WORKERS: 'off',
    RELEASE: 'candidate',
    NODE_OPTIONS: `--import=${worse}`,
    ...faults,
  });
  try {
    return await use(candidate);
  } finally {
    await runCanary(platform, name, ['--reset']);
    // The gateway has read the weights again: nobody is sent there any more.
    await pause(1_500);
    await candidate.stop();
  }
}

/** The three candidates of a service, one after the other. */
async function rolloutsOf(platform: DrillPlatform, name: UpstreamName): Promise<boolean> {
  const { log } = platform.context;
  const cases = [
    { called: 'good', faults: {}, exitCode: 0 },
    { called: '6 % errors', faults: { FAULT_ERRORS: String(ERRORS_PER_THOUSAND) }, exitCode: 1 },
    { called: 'slow', faults: { FAULT_DELAY_MS: String(DELAY_MS) }, exitCode: 1 },
  ];
  let isWell = true;
  for (const { called, faults, exitCode } of cases) {
    const run = await withCandidate(platform, name, faults, ({ url }) =>
      runCanary(platform, name, ['--candidate', url, ...QUICK]),
    );
    log(`${name}, ${called}: ${run.lastLine} (${(run.tookMs / 1_000).toFixed(0)} s)`);
    const isInTime = exitCode === 0 || run.tookMs <= ROLLED_BACK_WITHIN_MS;
    if (run.exitCode !== exitCode || !isInTime) isWell = false;
  }
  return isWell;
}

async function jobsRollout(platform: DrillPlatform): Promise<boolean> {
  const run = await withCandidate(platform, 'batch-scheduler', {}, ({ url }) =>
    runCanary(platform, 'batch-scheduler', ['--candidate', url, ...QUICK]),
  );
  platform.context.log(`batch-scheduler, by its jobs: ${run.lastLine}`);
  return run.exitCode === 0;
}

async function heldRollout(platform: DrillPlatform): Promise<boolean> {
  const run = await withCandidate(platform, 'operations-service', {}, ({ url }) =>
    runCanary(platform, 'operations-service', [
      '--candidate',
      url,
      '--steps',
      '10,100',
      '--step-seconds',
      '2',
      '--min-requests',
      '1000000',
    ]),
  );
  platform.context.log(`too few requests: ${run.lastLine} (exit ${run.exitCode})`);
  return run.exitCode === 2;
}

/** Candidates that are no better and no worse: what is rolled back among them is rolled back without reason. */
async function sameAgainstItself(platform: DrillPlatform, runs: number): Promise<boolean> {
  const outcomes = new Map<number | null, number>();
  let left = runs;
  const lane = async (name: UpstreamName): Promise<void> =>
    withCandidate(platform, name, {}, async ({ url }) => {
      while (left > 0) {
        left -= 1;
        const { exitCode, lastLine } = await runCanary(platform, name, ['--candidate', url, ...QUICK]);
        outcomes.set(exitCode, (outcomes.get(exitCode) ?? 0) + 1);
        if (exitCode !== 0) platform.context.log(`${name} against itself: ${lastLine}`);
        await runCanary(platform, name, ['--reset']);
      }
    });
  await Promise.all(WORK.map(([name]) => lane(name)));
  const [promoted = 0, rolledBack = 0] = [outcomes.get(0), outcomes.get(1)];
  platform.context.log(
    `the same version against itself: of ${runs} runs ${promoted} promoted, ${rolledBack} rolled back, ${runs - promoted - rolledBack} without enough requests to judge by`,
  );
  return rolledBack <= MOST_FALSE && promoted > runs / 2;
}
