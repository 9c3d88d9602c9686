import { setTimeout as pause } from 'node:timers/promises';

export interface FeedAhead {
  readonly seconds: number;
  /** Hands `count` pieces of work over. */
  readonly add: (count: number) => Promise<unknown>;
  /** How many of all that were ever added are done. */
  readonly done: () => Promise<number>;
}

/** What lies ready at most: enough that nobody waits for work, too little to be a backlog. */
const AHEAD = 2_000;
const PORTION = 250;
const POLL_MS = 5;

/** Feeds for so many seconds, waits until all is done, and answers how many pieces a second that made. */
export async function feedAhead({
  seconds,
  add,
  done,
}: FeedAhead): Promise<{ count: number; perSecond: number }> {
  const before = await done();
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1_000;
  let added = 0;
  for (;;) {
    const finished = (await done()) - before;
    if (elapsed() >= seconds && finished >= added) break;
    if (elapsed() > seconds + 60) throw new Error(`${finished} of ${added} done after a minute`);
    const isShort = elapsed() < seconds && added - finished <= AHEAD - PORTION;
    if (isShort) {
      await add(PORTION);
      added += PORTION;
    } else await pause(POLL_MS);
  }
  return { count: added, perSecond: added / elapsed() };
}
