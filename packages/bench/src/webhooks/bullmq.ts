import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { ensureServerBinaries, startRedis } from '@tributary/local-servers';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';

import type { MeasuredProcess } from '../processes.ts';
import type { RowContext } from '../row.ts';
import { startNode } from './start-node.ts';
import { webhookBody } from './webhook-body.ts';

export interface WebhookJob {
  readonly id: string;
  readonly url: string;
  readonly body: string;
  /** base64 */
  readonly secret: string;
}

const completedSchema = z.object({ completed: z.int() });

/** A queue of its own with one worker process, on a Redis that no one else uses. */
export interface BullmqPeer {
  readonly worker: MeasuredProcess;
  /** Adds jobs that post to this URL, in one round trip. Answers their webhook-ids. */
  add(url: string, count: number): Promise<readonly string[]>;
  completed(): Promise<number>;
  stop(): Promise<void>;
}

export async function startBullmq(context: RowContext, client: 'fetch' | 'undici'): Promise<BullmqPeer> {
  const binaries = await ensureServerBinaries({
    home: join(context.root, '.tributary'),
    log: context.log,
  });
  const redis = await startRedis({ binaries, dataDir: join(context.folder, `redis-bullmq-${client}`) });
  const queueName = `webhooks-${client}`;
  const worker = await startNode(context.root, 'packages/bench/src/peers/bullmq-worker.ts', {
    REDIS_URL: redis.url,
    QUEUE: queueName,
    CLIENT: client,
  });
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const queue = new Queue<WebhookJob>(queueName, { connection });
  const secret = randomBytes(32).toString('base64');
  const jobOf = (url: string): WebhookJob => {
    const id = uuidv7();
    return { id, url, body: webhookBody(id), secret };
  };
  return {
    worker,
    async add(url, count) {
      const jobs = Array.from({ length: count }, () => jobOf(url));
      const opts = { attempts: 3, backoff: { type: 'exponential', delay: 5_000 } };
      await queue.addBulk(jobs.map((data) => ({ name: 'deliver', data, opts })));
      return jobs.map(({ id }) => id);
    },
    completed: async () =>
      completedSchema.parse(await (await fetch(`${worker.url}/completed`)).json()).completed,
    async stop() {
      await worker.stop();
      await queue.close();
      connection.disconnect();
      await redis.stop();
    },
  };
}
