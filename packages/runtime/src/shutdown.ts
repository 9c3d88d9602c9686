import type { Logger } from './logger.ts';

export interface ShutdownPhase {
  readonly name: string;
  readonly timeoutMs: number;
  readonly run: () => unknown;
}

export interface Shutdown {
  /** Runs the phases once, in order; later calls wait for the first. Answers whether all of them ended well. */
  begin(reason: string): Promise<boolean>;
  /** SIGTERM and SIGINT begin it and then leave: 0 when clean, 1 when not. A second signal leaves at once with 1. */
  onSignals(exit?: (code: number) => void): void;
}

/** Whoever stopped the process waits for 15 s before it kills it. */
const WITHIN_MS = 14_000;
/** What a phase that is to come keeps of the time, however long those before it take. */
const LEAST_SHARE = 1 / 14;

/**
 * An orderly end in named phases, each with a time limit: one that hangs or fails is logged and the next begins,
 * since an unfinished phase must not keep the others (closing the pool, flushing the log) from happening. All of them
 * together take no longer than `withinMs`, by default 14 s.
 */
export function createShutdown(options: {
  readonly logger: Logger;
  readonly phases: readonly ShutdownPhase[];
  readonly withinMs?: number;
}): Shutdown {
  const { logger, phases, withinMs = WITHIN_MS } = options;
  let running: Promise<boolean> | undefined;

  const runAll = async (reason: string): Promise<boolean> => {
    logger.info({ reason }, 'stopping');
    let clean = true;
    const endsAt = performance.now() + withinMs;
    for (const [at, phase] of phases.entries()) {
      const others = (phases.length - 1 - at) * withinMs * LEAST_SHARE;
      const timeoutMs = Math.max(0, Math.min(phase.timeoutMs, endsAt - performance.now() - others));
      clean = (await runPhase(logger, { ...phase, timeoutMs })) && clean;
    }
    logger.info({ clean }, 'stopped');
    return clean;
  };

  const begin = async (reason: string): Promise<boolean> => {
    running ??= runAll(reason);
    return running;
  };

  return {
    begin,
    onSignals(exit = (code) => process.exit(code)) {
      const onSignal = (signal: string) => {
        if (running !== undefined) {
          logger.warn({ signal }, 'second signal: leaving at once');
          exit(1);
          return;
        }
        void begin(signal).then((clean) => exit(clean ? 0 : 1));
      };
      process.on('SIGTERM', onSignal);
      process.on('SIGINT', onSignal);
    },
  };
}

async function runPhase(logger: Logger, { name, timeoutMs, run }: ShutdownPhase): Promise<boolean> {
  const startedAt = performance.now();
  const timeout = Promise.withResolvers<'timeout'>();
  const timer = setTimeout(() => timeout.resolve('timeout'), timeoutMs);
  try {
    const outcome = await Promise.race([Promise.resolve(run()).then(() => 'done' as const), timeout.promise]);
    const durationMs = Math.round(performance.now() - startedAt);
    if (outcome === 'done') logger.debug({ phase: name, durationMs }, 'shutdown phase done');
    else
      logger.error(
        { phase: name, timeoutMs: Math.round(timeoutMs) },
        'shutdown phase took too long and is left behind',
      );
    return outcome === 'done';
  } catch (err) {
    logger.error({ err, phase: name }, 'shutdown phase failed');
    return false;
  } finally {
    clearTimeout(timer);
  }
}
