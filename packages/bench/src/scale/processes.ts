import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { readStack } from '../stack/own-stack.ts';
import { sampleProcesses } from '../stack/watch-memory.ts';

export interface ProcessResult {
  /** From its first instruction until it says that it is ready. */
  readonly readyMs: number;
  /** Half a minute after its start, when nobody has asked for anything. */
  readonly idleMb: number;
}

const IDLE_MS = 30_000;
const GIVE_UP_MS = 60_000;
const CLOCK_TICK_MS = 10;

/** Ends each service of a running stack once and sees how its successor comes up; then leaves all of them alone for a while. */
export async function measureProcesses(
  home: string,
  idleMs = IDLE_MS,
): Promise<Record<string, ProcessResult>> {
  const { services } = await readStack(home);
  const readyMs: Record<string, number> = {};
  for (const [name, url] of Object.entries(services)) readyMs[name] = await restart(home, name, url);
  await pause(idleMs);
  const { memoryMb } = sampleProcesses((await readStack(home)).pids, 0);
  return Object.fromEntries(
    Object.entries(readyMs).map(([name, ms]) => [name, { readyMs: ms, idleMb: memoryMb[name] ?? 0 }]),
  );
}

async function restart(home: string, name: string, url: string): Promise<number> {
  const before = (await readStack(home)).pids[name];
  if (before === undefined) throw new Error(`stack.json names no process ${name}`);
  process.kill(before, 'SIGKILL');
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (;;) {
    const isReady = await fetch(`${url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    const readyAt = Date.now();
    if (isReady) {
      const pid = await successorOf(home, name, before);
      return readyAt - startOf(pid);
    }
    if (readyAt > giveUpAt) throw new Error(`${name} did not come back`);
    await pause(CLOCK_TICK_MS);
  }
}

/** The supervisor notes a process once it is ready, a moment after we have seen it. */
async function successorOf(home: string, name: string, before: number): Promise<number> {
  for (;;) {
    const pid = (await readStack(home).catch(() => undefined))?.pids[name];
    if (pid !== undefined && pid !== before) return pid;
    await pause(CLOCK_TICK_MS);
  }
}

/** When a process began, in milliseconds of the epoch: Linux tells it in ticks since the machine's start. */
function startOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  const upMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1_000;
  return Date.now() - upMs + Number(fields[19]) * CLOCK_TICK_MS;
}
