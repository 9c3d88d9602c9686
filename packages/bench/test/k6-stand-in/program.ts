// Stands in for the program k6 where there is none: takes the part of its command line that is used, runs the script's users one
// after the other against a real platform, and writes what k6 would write. No load: what it shows is that scripts and API agree.
import { appendFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

import { z } from 'zod';

const ITERATIONS = 120;

const { values, positionals } = parseArgs({
  options: {
    quiet: { type: 'boolean' },
    'no-color': { type: 'boolean' },
    'no-usage-report': { type: 'boolean' },
    'log-format': { type: 'string' },
    'console-output': { type: 'string', default: '' },
    env: { type: 'string', short: 'e', multiple: true, default: [] },
  },
  allowPositionals: true,
});
const [, script = ''] = positionals;
const environment = Object.fromEntries(values.env.map((pair) => pair.split(/=(.*)/s).slice(0, 2)));

const askedSchema = z.object({
  method: z.string(),
  url: z.string(),
  body: z.string().nullable(),
  headers: z.record(z.string(), z.string()),
});
const messageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('request'), request: askedSchema }),
  z.object({ kind: z.literal('line'), line: z.string() }),
  z.object({ kind: z.literal('done'), result: z.unknown(), counters: z.record(z.string(), z.number()) }),
]);

async function fetchFor({ method, url, body, headers }: z.output<typeof askedSchema>): Promise<object> {
  try {
    const response = await fetch(url, { method, body, headers, redirect: 'manual' });
    const { status } = response;
    return { status, headers: Object.fromEntries(response.headers), body: await response.text() };
  } catch (error) {
    return { status: 0, headers: {}, body: String(error) };
  }
}

const totals: Record<string, number> = {};

/** Calls an export of the script in a thread of its own: each of k6's users has modules of its own. */
function call(exported: string, args: readonly unknown[], times: number): Promise<unknown> {
  const bell = new SharedArrayBuffer(4);
  const worker = new Worker(new URL('user.ts', import.meta.url), {
    workerData: { script, environment, exported, args, times, bell },
  });
  const answer = async (request: z.output<typeof askedSchema>): Promise<void> => {
    worker.postMessage(await fetchFor(request), []);
    Atomics.add(new Int32Array(bell), 0, 1);
    Atomics.notify(new Int32Array(bell), 0);
  };
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', (message: unknown) => {
      const told = messageSchema.parse(message);
      if (told.kind === 'line') appendFileSync(values['console-output'], `${told.line}\n`);
      else if (told.kind === 'request') {
        void answer(told.request);
      } else {
        for (const [name, count] of Object.entries(told.counters)) totals[name] = (totals[name] ?? 0) + count;
        resolve(told.result);
        void worker.terminate();
      }
    });
  });
}

writeFileSync(values['console-output'], '');
const ground = await call('setup', [], 1);
await Promise.all(['visitors', 'staff', 'partners'].map((user) => call(user, [ground], ITERATIONS)));
const metrics = Object.fromEntries(
  Object.entries(totals).map(([name, count]) => [
    name,
    { type: 'counter', contains: 'default', values: { count } },
  ]),
);
const written = z
  .record(z.string(), z.string())
  .parse(await call('handleSummary', [{ metrics, state: { testRunDurationMs: 1_000 } }], 1));
for (const [file, text] of Object.entries(written)) {
  if (file === 'stdout') process.stdout.write(text);
  else writeFileSync(file, text);
}
