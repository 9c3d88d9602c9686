import { join } from 'node:path';

import { ServerStartError } from '@tributary/local-servers';

import { accountsOf } from './demo/accounts.ts';
import type { SeedOptions } from './demo/index.ts';
import { StackFailure } from './failure.ts';
import { greeting } from './greeting.ts';
import { makeFolder, requireRoom } from './home/files.ts';
import { lockHome } from './home/lock.ts';
import { claimGatewayPort } from './home/ports.ts';
import { keepSecrets } from './home/secrets.ts';
import { createStackLog } from './log.ts';
import { readSettings } from './settings.ts';
import { type RunningStack, type SeededStack, startStack } from './stack.ts';

/** A terminal's Ctrl-C reaches us twice, from the terminal and passed on by npm: only a later signal is a second one. */
const SAME_SIGNAL_MS = 1_000;

const EXIT_FORCED = 130;

export interface StartOptions {
  /** Folder of the workspace, whose `services/` are started. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly migrate: (ownerUrl: string) => Promise<void>;
  /** Before the services start. */
  readonly seed: (options: SeedOptions) => Promise<void>;
  /** Once they run: resolves when they show what was seeded. */
  readonly awaitSeeded: (options: SeedOptions) => Promise<void>;
}

/** Aborts on the first signal, and when the launcher is gone; leaves at once on a later signal. */
function listenForStop(): AbortSignal {
  const stop = new AbortController();
  let firstAt: number | undefined;
  const onSignal = (): void => {
    firstAt ??= performance.now();
    if (performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(EXIT_FORCED);
    stop.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  process.on('disconnect', () => stop.abort());
  return stop.signal;
}

/** A stack trace is for faults of ours; everything foreseen has a sentence. */
function describeFailure(error: unknown): string {
  if (error instanceof StackFailure || error instanceof ServerStartError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function bringUp(options: StartOptions, signal: AbortSignal): Promise<RunningStack> {
  const began = performance.now();
  const settings = readSettings(options.root, options.env);
  const { home } = settings;
  makeFolder(home);
  requireRoom(home);
  await lockHome(home);
  await claimGatewayPort(settings.gatewayPort);
  makeFolder(join(home, 'logs'));
  const log = createStackLog(join(home, 'logs', 'stack.log'), (line) => console.log(line));
  const secrets = keepSecrets(home);
  const accounts = accountsOf(secrets);
  const { migrate, seed, awaitSeeded } = options;
  const seedOptions = (stack: SeededStack): SeedOptions => ({
    ...stack,
    accounts,
    natsNamespace: settings.environment['NATS_NAMESPACE'] ?? '',
    programme: settings.demonstration ?? true,
    log,
    signal,
  });
  const hooks = {
    accounts,
    migrate,
    seed: (stack: SeededStack) => seed(seedOptions(stack)),
    awaitSeeded: (stack: SeededStack) => awaitSeeded(seedOptions(stack)),
  };
  const stack = await startStack({ settings, secrets, hooks, log, signal });
  console.log(greeting(stack.file, home, (performance.now() - began) / 1_000));
  return stack;
}

/**
 * Brings a stack up, keeps it up until a signal or the end of the launcher, and stops it.
 * @returns the exit code
 */
export async function runStart(options: StartOptions): Promise<number> {
  const signal = listenForStop();
  // The terminal may be gone before we are.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    const stack = await bringUp(options, signal);
    if (!signal.aborted) await new Promise((done) => signal.addEventListener('abort', done, { once: true }));
    console.log('\nStopping ...');
    await stack.stop();
    console.log('Stopped; the data stays for the next start.');
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    console.error(describeFailure(error));
    return 1;
  }
}
