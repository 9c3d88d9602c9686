import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';

import { connect, type Database } from '@tributary/schema';

import { growthPerMinute, watchProcesses, type Sample } from '../stack/watch-memory.ts';
import { startReceiver, type Receiver } from '../webhooks/receiver.ts';
import { readAccepted } from './accepted.ts';
import { findFaults, findUnrest, type Run } from './books.ts';
import { acceptedFile, k6Command, summaryFile } from './k6-command.ts';
import { counted, missedThresholds, plateauPerSecond, readSummary, type Summary } from './summary.ts';
import type { Target } from './target.ts';

export interface LoadRun {
  readonly root: string;
  /** For what k6 writes; a private one. */
  readonly folder: string;
  readonly script: string;
  readonly profile: string;
  readonly target: Target;
  /** Where programs are looked for: PATH. */
  readonly path: string;
  readonly log: (line: string) => void;
}

export interface LoadReport {
  readonly script: string;
  readonly profile: string;
  readonly requestsPerSecond: number;
  readonly plateauPerSecond?: number;
  readonly summary: Summary;
  readonly missed: readonly string[];
  readonly faults: readonly string[];
  readonly samples: readonly Sample[];
  /** MB a minute, by process. */
  readonly growth: Readonly<Record<string, number>>;
}

/** As in k6/lib/prepare.ts. */
const PREPARED_ORDERS = 40;
const AT_ONCE = 20_000;
const SAMPLE_SECONDS = 2;
/** The receiver holds what came until it is asked; asked now and then, it stays small. */
const COLLECT_MS = 5_000;
/** Without any progress for so long, what is still under way will not arrive. */
const PATIENCE_MS = 30_000;
const POLL_MS = 250;

/** The books of a long run are questions about every row of it. */
const BOOKS_ANSWER_MS = 10 * 60_000;

/** What a load did, and what the books are held against. */
export interface Caused {
  readonly summary: Summary;
  readonly samples: readonly Sample[];
  /** Reads what was accepted anew each time. */
  readonly books: () => Run;
}

/** Runs a script of k6 against a platform, checks the books afterwards and tells how processes grew. */
export async function runLoad(run: LoadRun): Promise<LoadReport> {
  const { target, log, script, profile } = run;
  const owner = connect({
    url: target.databaseUrl,
    applicationName: 'load',
    maxConnections: 2,
    answerTimeoutMs: BOOKS_ANSWER_MS,
  });
  try {
    const { summary, samples, books } = await causeLoad(run, owner);
    log('checking the books');
    const plateau = plateauPerSecond(summary);
    const growth = Object.keys(target.pids).map((name) => [name, growthPerMinute(samples, name)] as const);
    return {
      script,
      profile,
      requestsPerSecond:
        (counted(summary, 'http_req_duration{stage:load}') / summary.state.testRunDurationMs) * 1_000,
      ...(plateau === undefined ? {} : { plateauPerSecond: plateau }),
      summary,
      missed: missedThresholds(summary),
      faults: await findFaults(books()),
      samples,
      growth: Object.fromEntries(growth),
    };
  } finally {
    await owner.close();
  }
}

/** Lets the users of a script at the platform and waits until everything that they caused has come to rest. */
export async function causeLoad(run: LoadRun, owner: Database): Promise<Caused> {
  const { root, log } = run;
  const receiver = await startReceiver(root);
  const received = collect(receiver);
  try {
    // Events and clicks carry the clocks of services and database, which may be a little apart from ours.
    const since = new Date(Date.now() - 1_000);
    const runId = Date.now().toString(36);
    const samples = await runK6(run, { runId, receiverUrl: receiver.url });
    log('k6 is done; waiting until everything is sent and delivered');
    await comeToRest(owner, since);
    const summary = await readSummary(summaryFile(run));
    const facts = {
      owner,
      runId,
      since,
      unclear: {
        clicks: counted(summary, 'unclear_clicks'),
        orders: counted(summary, 'unclear_orders'),
        changes: counted(summary, 'unclear_changes'),
      },
      preparedOrders: PREPARED_ORDERS,
      received: await received.all(),
    };
    const books = (): Run => ({ ...facts, accepted: readAccepted(acceptedFile(run), AT_ONCE) });
    return { summary, samples, books };
  } finally {
    received.stop();
    await receiver.stop();
  }
}

/** Gathers the ids of webhooks while the run goes on. */
function collect(receiver: Receiver): { all(): Promise<ReadonlySet<string>>; stop(): void } {
  const ids = new Set<string>();
  const take = async (): Promise<void> => {
    for (const id of (await receiver.arrivals()).keys()) ids.add(id);
  };
  let underWay = Promise.resolve();
  const timer = setInterval(() => {
    underWay = underWay.then(take);
    // Told by `all`, for which nobody may be waiting yet.
    underWay.catch(() => undefined);
  }, COLLECT_MS).unref();
  const stop = (): void => clearInterval(timer);
  return {
    stop,
    async all() {
      stop();
      await underWay;
      await take();
      return ids;
    },
  };
}

/** A missed threshold ends k6 with 99, which is a finding; anything else but 0 is a fault of the run itself. */
const THRESHOLDS_MISSED = 99;

/** A thousand users' JavaScript is a large heap; k6 shares the cores with what it measures, and has memory to spare instead. */
const K6_ENVIRONMENT = { GOGC: '400' };

/** Runs k6 to its end and tells what the processes took meanwhile. */
async function runK6(run: LoadRun, more: { runId: string; receiverUrl: string }): Promise<readonly Sample[]> {
  const { target, profile } = run;
  const environment = {
    PROFILE: profile,
    GATEWAY_URL: target.gatewayUrl,
    API_KEY: target.apiKey,
    ADMIN_EMAIL: target.admin.email,
    ADMIN_PASSWORD: target.admin.password,
    RECEIVER_URL: more.receiverUrl,
    RUN_ID: more.runId,
    KEEP_ACCEPTED: 'on',
  };
  const [program, ...args] = k6Command({ ...run, environment }, run.path);
  const env = { ...K6_ENVIRONMENT, ...process.env };
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const watch = watchProcesses({ ...target.pids, k6: child.pid ?? 0 }, SAMPLE_SECONDS);
  try {
    const code = await ended;
    if (code !== 0 && code !== THRESHOLDS_MISSED) throw new Error(`k6 ended with ${code ?? 'a signal'}.`);
  } finally {
    watch.stop();
  }
  return watch.samples;
}

/** Resolves when nothing is under way any more, or nothing moves; what is left then is a finding of the books. */
async function comeToRest(owner: Database, since: Date): Promise<void> {
  let before = '';
  let movedAt = performance.now();
  for (;;) {
    const unrest = (await findUnrest(owner, since)).join();
    if (unrest === '') return;
    if (unrest !== before) movedAt = performance.now();
    before = unrest;
    if (performance.now() - movedAt > PATIENCE_MS) return;
    await pause(POLL_MS);
  }
}
