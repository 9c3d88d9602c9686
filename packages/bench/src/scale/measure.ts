import { setTimeout as pause } from 'node:timers/promises';

import type { Database } from '@tributary/schema';
import { request } from 'undici';

import { runJob } from '../rows/run-job.ts';
import type { StackFacts } from '../stack/own-stack.ts';
import { sampleProcesses } from '../stack/watch-memory.ts';
import { percentile } from '../webhooks/percentile.ts';
import type { Past } from './past.ts';
import { QUESTIONS } from './questions.ts';

export interface Latencies {
  readonly p50: number;
  readonly p95: number;
}

export interface SizeResult {
  readonly clicks: number;
  readonly commissions: number;
  /** Milliseconds through the gateway, one request after the other, by question. */
  readonly questions: Readonly<Record<string, Latencies>>;
  /** No memory where it was over before anybody looked. */
  readonly csv: { readonly rows: number; readonly perSecond: number; readonly memoryMb: number | null };
  readonly batch: { readonly rows: number; readonly perSecond: number };
  /** The events of the batch, from the end of its job until the last was sent and is in the rollups. */
  readonly backlog: { readonly events: number; readonly seconds: number };
}

type Stack = Pick<StackFacts, 'gatewayUrl' | 'apiKey' | 'pids'>;

/** Asked before anything is noted: caches of plans and pages fill, code is compiled. */
const WARM_UP = 10;

export async function measureSize(
  stack: Stack,
  past: Past,
  { clicks, rounds }: { readonly clicks: number; readonly rounds: number },
): Promise<SizeResult> {
  const questions: Record<string, Latencies> = {};
  for (const { name, path } of QUESTIONS) {
    const taken: number[] = [];
    for (let round = 0; round < WARM_UP + rounds; round += 1) {
      const ms = await ask(stack, path(past));
      if (round >= WARM_UP) taken.push(ms);
    }
    questions[name] = { p50: percentile(taken, 0.5), p95: percentile(taken, 0.95) };
  }
  const csv = await readCsv(stack);
  await past.owner.query(`UPDATE commissions SET hold_until = now() WHERE status = 'pending'`);
  const batch = await runJob(past.owner, 'confirm-due-commissions');
  const backlog = await drain(past.owner);
  return {
    clicks,
    commissions: past.orders,
    questions,
    csv,
    batch: { rows: batch.succeeded, perSecond: batch.succeeded / batch.seconds },
    backlog,
  };
}

const open = ({ gatewayUrl, apiKey }: Stack, path: string) =>
  request(`${gatewayUrl}/api/v1${path}`, { headers: { authorization: `Bearer ${apiKey}` } });

async function ask(stack: Stack, path: string): Promise<number> {
  const began = performance.now();
  const { statusCode, body } = await open(stack, path);
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`${path} was answered by ${statusCode}: ${text}`);
  return performance.now() - began;
}

/** All commissions of ninety days as a file; and the most memory that the service took while it was read. */
async function readCsv(stack: Stack): Promise<SizeResult['csv']> {
  const dateFrom = new Date(Date.now() - 90 * 86_400_000).toISOString();
  const began = performance.now();
  const { statusCode, body } = await open(stack, `/operations/commissions.csv?dateFrom=${dateFrom}`);
  if (statusCode !== 200) throw new Error(`the file was answered by ${statusCode}: ${await body.text()}`);
  let rows = -1;
  let memoryMb: number | null = null;
  const look = setInterval(() => {
    const now = sampleProcesses(stack.pids, 0).memoryMb['operations-service'];
    if (now !== undefined) memoryMb = Math.max(memoryMb ?? 0, now);
  }, 250);
  for await (const chunk of body as AsyncIterable<Buffer>) {
    for (const byte of chunk) if (byte === NEWLINE) rows += 1;
  }
  clearInterval(look);
  return { rows, perSecond: rows / ((performance.now() - began) / 1_000), memoryMb };
}

const NEWLINE = 10;
const LOOK_EVERY_MS = 50;
const GIVE_UP_MS = 600_000;

/** Waits until all that the batch wrote is sent, and every confirmation stands in the rollups. */
async function drain(owner: Database): Promise<SizeResult['backlog']> {
  const began = performance.now();
  const [wanted] = await owner.query<{ events: number; confirmed: number }>(
    `SELECT (SELECT count(*)::int FROM outbox_events WHERE type = 'commission.confirmed') AS events,
      (SELECT count(*)::int FROM commissions WHERE status = 'confirmed' AND kind = 'earning') AS confirmed`,
  );
  const { events = 0, confirmed = 0 } = wanted ?? {};
  for (;;) {
    const [now] = await owner.query<{ unsent: boolean; counted: number }>(
      `SELECT EXISTS (SELECT FROM outbox_events WHERE sent_at IS NULL) AS unsent,
        (SELECT sum(confirmed_count)::int FROM rollup_program_hours) AS counted`,
    );
    if (now?.unsent === false && now.counted === confirmed)
      return { events, seconds: (performance.now() - began) / 1_000 };
    if (performance.now() - began > GIVE_UP_MS)
      throw new Error(`${now?.counted} of ${confirmed} confirmations are in the rollups after ten minutes`);
    await pause(LOOK_EVERY_MS);
  }
}
