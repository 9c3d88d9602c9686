import { setTimeout as delay } from 'node:timers/promises';

import { messageOf } from '../failure.ts';

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that is up and answers. */
export interface RunningProcess {
  readonly pid: number;
  readonly exited: Promise<ProcessExit>;
  /** Ends it: politely first, then by force. Resolves when it is gone. */
  stop(): Promise<void>;
}

export interface SupervisedOptions {
  readonly name: string;
  /** Starts the process and resolves once it is ready; ends it again when `signal` aborts before that. */
  readonly start: (signal: AbortSignal) => Promise<RunningProcess>;
  /** Called with the new process id whenever one is up; the process lives on whatever this throws. */
  readonly onRunning: (pid: number) => void;
  readonly log: (line: string) => void;
}

/** A process that is kept alive. */
export interface SupervisedProcess {
  readonly name: string;
  stop(): Promise<void>;
}

const FIRST_BACK_OFF_MS = 100;
const MAX_BACK_OFF_MS = 5_000;
/** Up for this long, a process has recovered: its next death starts the back-off anew. */
const STABLE_AFTER_MS = 3_000;

function describeExit({ code, signal }: ProcessExit): string {
  return signal === null ? `ended with code ${code ?? 'unknown'}` : `was ended by ${signal}`;
}

/** Doubles from a tenth of a second: an accident is repaired at once, a process that cannot live costs little. */
function backOffMs(failures: number): number {
  return Math.min(FIRST_BACK_OFF_MS * 2 ** failures, MAX_BACK_OFF_MS);
}

async function startAgain(
  options: SupervisedOptions,
  stopping: AbortSignal,
  earlierFailures: number,
): Promise<{ running: RunningProcess; failures: number } | undefined> {
  for (let failures = earlierFailures; !stopping.aborted; failures += 1) {
    try {
      await delay(backOffMs(failures), undefined, { signal: stopping });
      return { running: await options.start(stopping), failures };
    } catch (error) {
      if (stopping.aborted) return undefined;
      options.log(
        `${options.name} does not start (${messageOf(error)}); next attempt in ${backOffMs(failures + 1)} ms.`,
      );
    }
  }
  return undefined;
}

function tellRunning({ name, onRunning, log }: SupervisedOptions, pid: number): void {
  try {
    onRunning(pid);
  } catch (error) {
    log(`${name} runs as process ${pid}, which could not be noted (${messageOf(error)}).`);
  }
}

/**
 * Starts a process and starts it again, with back-off, whenever it ends by itself.
 * Rejects when the first start fails or `signal` aborts it; later failures are logged and tried again for ever.
 */
export async function supervise(options: SupervisedOptions, signal: AbortSignal): Promise<SupervisedProcess> {
  const stop = new AbortController();
  let running = await options.start(AbortSignal.any([stop.signal, signal]));
  tellRunning(options, running.pid);

  const keepAlive = async (): Promise<void> => {
    let failures = 0;
    for (;;) {
      const upSince = performance.now();
      const exit = await running.exited;
      if (stop.signal.aborted) return;
      failures = performance.now() - upSince > STABLE_AFTER_MS ? 0 : failures + 1;
      options.log(`${options.name} ${describeExit(exit)}; starting it again.`);
      const next = await startAgain(options, stop.signal, failures);
      if (next === undefined) return;
      ({ running, failures } = next);
      // A start that succeeded just as the stop came.
      if (stop.signal.aborted) return running.stop();
      tellRunning(options, running.pid);
      options.log(`${options.name} is back (process ${running.pid}).`);
    }
  };

  // Unhandled, it would end the launcher and every other process with it.
  const kept = keepAlive().catch((error: unknown) =>
    options.log(`${options.name} is not supervised any more (${messageOf(error)}).`),
  );
  return {
    name: options.name,
    async stop() {
      stop.abort();
      await running.stop();
      await kept;
    },
  };
}
