import { setTimeout as delay } from 'node:timers/promises';

import { UnableToJudge } from './failure.ts';

/** A process or Prometheus that does not answer for so long leaves us blind. */
const BLIND_MS = 20_000;
const AGAIN_MS = 1_000;

/** Reads figures; what fails is tried again. @throws {UnableToJudge} when it fails for long */
export async function patiently<Figures>(
  read: () => Promise<Figures>,
  signal: AbortSignal,
): Promise<Figures> {
  const deadline = performance.now() + BLIND_MS;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (performance.now() > deadline)
        throw new UnableToJudge(`the figures could not be read: ${String(error)}`, { cause: error });
      await pause(AGAIN_MS, signal);
    }
  }
}

/** @throws {UnableToJudge} as soon as the signal aborts */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    throw new UnableToJudge('it was interrupted');
  }
}
