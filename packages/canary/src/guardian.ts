// Outlives the tool that started it: when that is gone without a word, the stable release gets all traffic again.
import { z } from 'zod';

import { connectPlatform } from './connect-platform.ts';

const taskSchema = z.object({
  servers: z.object({ databaseUrl: z.string(), natsUrl: z.string(), natsNamespace: z.string() }),
  rollout: z.object({ id: z.string(), service: z.string() }),
  weights: z.array(z.object({ release: z.enum(['stable', 'canary']), url: z.string(), weight: z.number() })),
});

let text = '';
for await (const chunk of process.stdin) text += String(chunk);
const [task = '', farewell] = text.split('\n');
// The last word is said once the tool has put the weights where they belong.
if (farewell === 'done') process.exit(0);
const { servers, rollout, weights } = taskSchema.parse(JSON.parse(task));
const connection = connectPlatform(servers);
await connection.change(rollout, {
  action: 'given_up',
  weights,
  reason: 'the rollout was killed; back at the stable release',
});
await connection.close();
