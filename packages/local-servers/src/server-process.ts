import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { explainFailure, readLogFrom } from './failures.ts';
import { findExecutable } from './find-executable.ts';

/** How a server process ended. */
export interface ServerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running server. Start it again on the same port and data by calling its start function with `port` and `dataDir`. */
export interface ServerHandle {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Where its data is. Not always the folder asked for: see preparePostgres. */
  readonly dataDir: string;
  readonly logFile: string;
  /** Settles when the process is gone, for whatever reason. */
  readonly exited: Promise<ServerExit>;
  /** Ends the server and waits until it is gone: politely first, then by force. May be called more than once. */
  stop(): Promise<void>;
}

/** How to run a server and how to end it. */
export interface ServerSpec {
  name: string;
  url: string;
  port: number;
  dataDir: string;
  logFile: string;
  command: readonly [string, ...string[]];
  env?: Readonly<Record<string, string>>;
  /** Placed before the command, e.g. `unshare ...`; it must exec and not fork. */
  prefix?: readonly string[];
  uid?: number;
  /** Sent in this order until the process is gone, and the first of them also when our own process dies. */
  stopSignals: readonly [NodeJS.Signals, ...NodeJS.Signals[]];
  /** Resolves to true once the server answers. */
  isReady: () => Promise<boolean>;
  readyTimeoutMs?: number;
}

const STOP_STEP_MS = 8_000;
const READY_POLL_MS = 20;
const LOG_RESTART_BYTES = 16 * 1024 * 1024;

// setpriv's request is lost when our process has died before it was made: the shell then sees another parent and leaves.
const ONLY_UNDER_PARENT = '[ "$PPID" = "$0" ] || exit 1; exec "$@"';
const WATCHDOG = 'read -r _ && exit 0; kill -s "$1" "$2"; sleep 10; kill -KILL "$2"';

function commandLine(spec: ServerSpec, setpriv: string | undefined): string[] {
  if (setpriv === undefined) return [...(spec.prefix ?? []), ...spec.command];
  const signal = spec.stopSignals[0].replace('SIG', '');
  const guard = ['sh', '-c', ONLY_UNDER_PARENT, String(process.pid)];
  // Innermost, because the kernel forgets the request when credentials change.
  return [...(spec.prefix ?? []), setpriv, '--pdeathsig', signal, ...guard, ...spec.command];
}

/** A shell that waits for the end of our pipe, which comes with our death, and then ends the server. */
function startWatchdog(child: ChildProcess, signal: string): void {
  const args = ['-c', WATCHDOG, 'watchdog', signal.replace('SIG', ''), String(child.pid)];
  const watchdog = spawn('sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  watchdog.unref();
  watchdog.on('error', () => child.kill('SIGKILL'));
  watchdog.stdin.on('error', () => undefined);
  if ('unref' in watchdog.stdin && typeof watchdog.stdin.unref === 'function') watchdog.stdin.unref();
  child.once('exit', () => watchdog.stdin.end('done\n'));
}

function openLog(logFile: string): { descriptor: number; offset: number } {
  mkdirSync(dirname(logFile), { recursive: true });
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  const restart = size > LOG_RESTART_BYTES;
  return { descriptor: openSync(logFile, restart ? 'w' : 'a', 0o644), offset: restart ? 0 : size };
}

function launch(spec: ServerSpec): { child: ChildProcess; exited: Promise<ServerExit>; logOffset: number } {
  const setpriv = process.platform === 'linux' ? findExecutable('setpriv') : undefined;
  const [program = '', ...args] = commandLine(spec, setpriv);
  const { descriptor, offset } = openLog(spec.logFile);
  const child = spawn(program, args, {
    // In a process group of its own, so that Ctrl-C reaches only the launcher, which stops things in order.
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
    env: { ...process.env, ...spec.env },
    cwd: '/',
    ...(spec.uid === undefined ? {} : { uid: spec.uid, gid: spec.uid }),
  });
  closeSync(descriptor);
  const exited = new Promise<ServerExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  if (setpriv === undefined) startWatchdog(child, spec.stopSignals[0]);
  return { child, exited, logOffset: offset };
}

async function stopProcess(
  child: ChildProcess,
  exited: Promise<ServerExit>,
  signals: readonly NodeJS.Signals[],
): Promise<void> {
  for (const signal of [...signals, 'SIGKILL' as const]) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.kill(signal);
    const patience = new AbortController();
    const waited = delay(STOP_STEP_MS, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([exited, waited]);
    patience.abort();
  }
  await exited;
}

/**
 * Starts a server process and waits until it answers.
 * Throws ServerStartError with one clear sentence when it dies or does not answer in time.
 */
export async function runServer(spec: ServerSpec): Promise<ServerHandle> {
  const { child, exited, logOffset } = launch(spec);
  let gone = false;
  void exited.then(() => (gone = true));
  const stop = (): Promise<void> => stopProcess(child, exited, spec.stopSignals);
  const deadline = Date.now() + (spec.readyTimeoutMs ?? 30_000);
  while (!(await spec.isReady().catch(() => false))) {
    if (gone || child.pid === undefined) throw explainFailure(spec, readLogFrom(spec.logFile, logOffset));
    if (Date.now() > deadline) {
      await stop();
      throw explainFailure(spec, `${readLogFrom(spec.logFile, logOffset)}\nit did not answer in time`);
    }
    await delay(READY_POLL_MS);
  }
  if (gone || child.pid === undefined) throw explainFailure(spec, readLogFrom(spec.logFile, logOffset));
  const { name, url, port, dataDir, logFile } = spec;
  return { name, url, port, pid: child.pid, dataDir, logFile, exited, stop };
}
