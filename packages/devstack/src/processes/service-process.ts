import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { onDisk, StackFailure } from '../failure.ts';
import type { ProcessExit, RunningProcess } from './supervisor.ts';

/** A service to run: a script for our own Node, and the address where it says that it is ready. */
export interface ServiceProcessOptions {
  readonly name: string;
  readonly script: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  readonly url: string;
}

/** Above the services' own limit for a graceful end, 15 s by design, nobody waits. */
const STOP_PATIENCE_MS = 15_000;
const READY_POLL_MS = 40;
const PROBE_TIMEOUT_MS = 2_000;
const LOG_RESTART_BYTES = 16 * 1024 * 1024;

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
/** setpriv's request is lost when we have died before it was made: the shell then sees another parent and leaves. */
const ONLY_UNDER_PARENT = '[ "$PPID" = "$0" ] || exit 1; exec "$@"';
/** Without setpriv (macOS) a shell waits for the end of our pipe, which comes with our death. */
const WATCHDOG = 'read -r _ && exit 0; kill -KILL "$1"';

function openLog(logFile: string): { descriptor: number; offset: number } {
  return onDisk(logFile, () => {
    const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
    const anew = size > LOG_RESTART_BYTES;
    return { descriptor: openSync(logFile, anew ? 'w' : 'a', 0o600), offset: anew ? 0 : size };
  });
}

function startWatchdog(child: ChildProcess): void {
  const watchdog = spawn('sh', ['-c', WATCHDOG, 'watchdog', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.unref();
  watchdog.once('error', () => child.kill('SIGKILL'));
  watchdog.stdin.on('error', () => undefined);
  child.once('exit', () => watchdog.stdin.end('done\n'));
}

/** Spawns in a process group of its own, so that Ctrl-C reaches only us and things are stopped in order. */
function launch(options: ServiceProcessOptions, descriptor: number): ChildProcess {
  const node = [process.execPath, options.script];
  const guarded =
    SETPRIV === undefined
      ? node
      : [SETPRIV, '--pdeathsig', 'KILL', 'sh', '-c', ONLY_UNDER_PARENT, String(process.pid), ...node];
  const [program = process.execPath, ...args] = guarded;
  const child = spawn(program, args, {
    cwd: options.folder,
    env: options.env,
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
  });
  if (SETPRIV === undefined) startWatchdog(child);
  return child;
}

function exitOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
}

async function end(child: ChildProcess, exited: Promise<ProcessExit>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill('SIGTERM');
  const patience = new AbortController();
  const tooLong = delay(STOP_PATIENCE_MS, 'too long' as const, { signal: patience.signal }).catch(
    () => undefined,
  );
  if ((await Promise.race([exited, tooLong])) === 'too long') child.kill('SIGKILL');
  patience.abort();
  await exited;
}

async function saysReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** The end of what a process wrote: for a pino line its message, else the line itself. */
function lastWords(logFile: string, offset: number): string {
  const lines = readFileSync(logFile).subarray(offset).toString('utf8').trim().split('\n').slice(-4);
  const words = lines.map((line) => {
    try {
      const entry: { msg?: string; err?: { message?: string } } = JSON.parse(line);
      return [entry.msg, entry.err?.message].filter((part) => part !== undefined).join(': ');
    } catch {
      return line.trim();
    }
  });
  return words.filter((word) => word !== '').join(' | ') || 'it wrote nothing';
}

/**
 * Starts a service and resolves once it says that it is ready.
 * @throws {StackFailure} when it ends before that, with its last words; or when `signal` aborts, after ending it
 */
export async function startService(
  options: ServiceProcessOptions,
  signal: AbortSignal,
): Promise<RunningProcess> {
  const { name, url, logFile } = options;
  const { descriptor, offset } = openLog(logFile);
  const child = launch(options, descriptor);
  closeSync(descriptor);
  const exited = exitOf(child);
  let gone = false;
  void exited.then(() => (gone = true));
  for (;;) {
    const ready = await saysReady(url);
    if (gone || child.pid === undefined) {
      throw new StackFailure(
        `${name} ended before it was ready (${lastWords(logFile, offset)}); its log is ${logFile}`,
      );
    }
    if (signal.aborted) {
      await end(child, exited);
      throw new StackFailure(
        `${name} was not ready in time (${lastWords(logFile, offset)}); its log is ${logFile}`,
      );
    }
    if (ready) return { pid: child.pid, exited, stop: () => end(child, exited) };
    await delay(READY_POLL_MS);
  }
}
