import type { NewClick } from './click.ts';

/** Clicks that one statement can judge, and those that have to wait for the next. */
export interface Batch<Waiting> {
  readonly taken: { readonly waiting: Waiting; readonly isTwin: boolean }[];
  readonly left: Waiting[];
}

/** What makes a click a duplicate of another: the same code and visitor, or the same code and fingerprint. */
function keysOf({ status, referralCode, visitorHash, fingerprintHash }: NewClick): string[] {
  if (status !== 'valid') return [];
  const keys: string[] = [];
  if (visitorHash !== null) keys.push(`v ${referralCode} ${visitorHash}`);
  if (fingerprintHash !== null) keys.push(`f ${referralCode} ${fingerprintHash}`);
  return keys;
}

/** Whether a click can be a duplicate at all. */
export function canRepeat(click: NewClick): boolean {
  return keysOf(click).length > 0;
}

/**
 * Takes from the front as many clicks as one statement may hold, all of one programme. Its look-up sees no click of its
 * own batch, so two that share a key must not both be judged by it. A twin (the same keys throughout) is a duplicate either
 * way: of the other, or of what the other repeats. One that shares a key only in part waits for the other's answer.
 */
export function takeBatch<Waiting extends { readonly click: NewClick }>(
  queue: readonly Waiting[],
  limit: number,
): Batch<Waiting> {
  const programId = queue[0]?.click.programId;
  const judged = new Map<string, string>();
  const batch: Batch<Waiting> = { taken: [], left: [] };
  for (const [index, waiting] of queue.entries()) {
    if (batch.taken.length === limit) {
      batch.left.push(...queue.slice(index));
      break;
    }
    const keys = keysOf(waiting.click);
    const identity = keys.join('\n');
    const shared = keys.filter((key) => judged.has(key));
    const isTwin = shared.length > 0 && shared.every((key) => judged.get(key) === identity);
    const isStranger = waiting.click.programId !== programId;
    if (isStranger || (shared.length > 0 && !isTwin)) {
      batch.left.push(waiting);
      continue;
    }
    for (const key of keys) judged.set(key, identity);
    batch.taken.push({ waiting, isTwin });
  }
  return batch;
}
