import { setTimeout as pause } from 'node:timers/promises';

import { z } from 'zod';

import type { MeasuredProcess } from '../processes.ts';
import { startNode } from './start-node.ts';

const countSchema = z.object({ distinct: z.int(), repeated: z.int() });
const arrivalsSchema = z.array(z.tuple([z.string(), z.number()]));

/** The receivers' process, and what came there. */
export interface Receiver {
  readonly url: string;
  /** Different webhooks so far, and how many came more than once. */
  count(): Promise<{ distinct: number; repeated: number }>;
  /** When each webhook came that was not told of before, in milliseconds of the epoch. */
  arrivals(): Promise<Map<string, number>>;
  /** Resolves when so many different ones have come. @throws after `timeoutMs` */
  untilReceived(count: number, timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

const POLL_MS = 5;

export async function startReceiver(root: string): Promise<Receiver> {
  const process: MeasuredProcess = await startNode(root, 'packages/bench/src/peers/webhook-receiver.ts');
  const get = async (path: string): Promise<unknown> => (await fetch(process.url + path)).json();
  const count = async () => countSchema.parse(await get('/count'));
  return {
    url: process.url,
    count,
    arrivals: async () => new Map(arrivalsSchema.parse(await get('/arrivals'))),
    async untilReceived(wanted, timeoutMs) {
      const until = Date.now() + timeoutMs;
      for (;;) {
        const { distinct } = await count();
        if (distinct >= wanted) return;
        if (Date.now() > until)
          throw new Error(`${distinct} of ${wanted} webhooks arrived within ${timeoutMs} ms`);
        await pause(POLL_MS);
      }
    },
    stop: () => process.stop(),
  };
}
