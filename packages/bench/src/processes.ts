import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** A process under measurement: where it listens, and the CPU it has used. */
export interface MeasuredProcess {
  readonly name: string;
  readonly url: string;
  cpuSeconds(): number;
  /** Politely, and gone when it resolves. */
  stop(): Promise<void>;
  /** kill -9, and gone when it resolves. */
  kill(): Promise<void>;
}

const CLOCK_TICKS_PER_SECOND = 100;

/** User and system seconds of a process, from /proc; 0 where there is none (not Linux). */
function cpuSeconds(pid: number | undefined): number {
  try {
    const fields =
      readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** Of a machine that others keep busy. */
const START_PATIENCE_MS = 60_000;

/** Whatever runs when this process ends is ended with it. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a Node script (or another program) and waits until `readyUrl` answers 200. */
export async function startMeasured(options: {
  name: string;
  command: readonly [string, ...string[]];
  env?: Record<string, string>;
  url: string;
  readyUrl: string;
  /** Where its standard output is added to; nowhere when left out. */
  logFile?: string;
}): Promise<MeasuredProcess> {
  const [program, ...args] = options.command;
  const output = options.logFile === undefined ? undefined : openSync(options.logFile, 'a');
  const child = spawn(program, args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', output ?? 'ignore', 'pipe'],
  });
  if (output !== undefined) closeSync(output);
  running.add(child);
  child.once('exit', () => running.delete(child));
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2_000)));
  await ready(child, options.readyUrl, () => `${options.name} did not start:\n${complaint}`);
  return {
    name: options.name,
    url: options.url,
    cpuSeconds: () => cpuSeconds(child.pid),
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

async function ready(child: ChildProcess, url: string, complaint: () => string): Promise<void> {
  const giveUpAt = Date.now() + START_PATIENCE_MS;
  while (Date.now() < giveUpAt) {
    if (child.exitCode !== null) break;
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  throw new Error(complaint());
}
