// Outlives the tool that started it: when that is gone without a word, the stable release gets all traffic again.
import { setTimeout as delay } from 'node:timers/promises';

import { z } from 'zod';

import { connectPlatform } from './connect-platform.ts';
import { nginxSchema } from './nginx.ts';

const RETRY_MS = 2_000;

const taskSchema = z.object({
  servers: z.object({
    databaseUrl: z.string(),
    natsUrl: z.string(),
    natsNamespace: z.string(),
    nginx: nginxSchema.optional(),
  }),
  rollout: z.object({ id: z.string(), service: z.string() }),
  weights: z.array(
    z.object({
      release: z.enum(['stable', 'canary']),
      url: z.string(),
      weight: z.number(),
      workers: z.string().nullable(),
    }),
  ),
});

let text = '';
for await (const chunk of process.stdin) text += String(chunk);
const [task = '', farewell] = text.split('\n');
// The last word is said once the tool has put the weights where they belong.
if (farewell === 'done') process.exit(0);
const { servers, rollout, weights } = taskSchema.parse(JSON.parse(task));
const connection = connectPlatform(servers);
const reason = 'the rollout was killed; back at the stable release';
// Postgres may be away for the very reason that ended the tool: the gateways keep the last weights until it is back.
for (;;) {
  try {
    await connection.change(rollout, { action: 'given_up', weights, reason });
    break;
  } catch {
    await delay(RETRY_MS);
  }
}
await connection.close();
