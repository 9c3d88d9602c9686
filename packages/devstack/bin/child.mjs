// Runs one child process to its end, as if it were us: its signals, its exit code, and no survivor when we are gone.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const ORPHAN_POLL_MS = 500;
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** The exit code shells give to a process that a signal ended. */
function exitCodeOf(code, signal) {
  return code ?? 128 + (constants.signals[signal] ?? 0);
}

/**
 * npm forwards signals, but a `kill -9` of npm leaves its child to init. Under npm a new parent therefore means that
 * the command was killed. Started by hand we may outlive our shell, as `nohup` promises.
 */
function onOrphaned(callback) {
  if (process.env.npm_lifecycle_event === undefined) return () => undefined;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, ORPHAN_POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * Spawns a process, passes our signals on to it and resolves with its exit code.
 * `channel` opens an IPC pipe, whose end tells the child that we are gone, even after a kill -9.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, capture?: (chunk: string) => void, channel?: boolean }} [options]
 * @returns {Promise<number>}
 */
export function runChild(command, args, options = {}) {
  const output = options.capture === undefined ? 'inherit' : 'pipe';
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [output === 'pipe' ? 'ignore' : 'inherit', output, output, ...(options.channel ? ['ipc'] : [])],
    });
    const forward = (signal) => child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, forward);
    const settle = onOrphaned(() => child.kill('SIGTERM'));
    const release = () => {
      settle();
      for (const signal of SIGNALS) process.off(signal, forward);
    };
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', options.capture);
    child.once('error', (error) => {
      release();
      reject(error);
    });
    child.once('close', (code, signal) => {
      release();
      resolve(exitCodeOf(code, signal));
    });
  });
}
