// A thread of the stand-in: one of k6's users, with `k6` and its modules led to the stand-in's.
import { registerHooks } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

import { z } from 'zod';

const { script, environment, exported, args, times } = z
  .object({
    script: z.string(),
    environment: z.record(z.string(), z.string()),
    exported: z.string(),
    args: z.array(z.unknown()),
    times: z.number(),
  })
  .parse(workerData);

registerHooks({
  resolve: (specifier, context, next) =>
    /^k6(\/|$)/.test(specifier)
      ? {
          url: new URL(`modules/${specifier.replaceAll('/', '-')}.ts`, import.meta.url).href,
          shortCircuit: true,
        }
      : next(specifier, context),
});
Object.assign(globalThis, { __ENV: environment });
console.log = (line: string): void => parentPort?.postMessage({ kind: 'line', line }, []);

const functionSchema = z.function({ input: z.array(z.any()), output: z.any() });
const { counters } = await import('./modules/k6-metrics.ts');
const module: Record<string, unknown> = await import(script);
const run = functionSchema.parse(module[exported]);
let result: unknown;
for (let time = 0; time < times; time += 1) result = run(...args);
parentPort?.postMessage({ kind: 'done', result, counters }, []);
