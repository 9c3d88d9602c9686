import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

import { z } from 'zod';

import { counters } from './k6-metrics.ts';

const { bell } = z.object({ bell: z.instanceof(SharedArrayBuffer) }).parse(workerData);
const answerSchema = z.object({
  status: z.number(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
});

interface Params {
  readonly headers?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

/** As k6 does, waits for the answer: the thread sleeps until the main one has fetched it. */
function request(
  method: string,
  url: string,
  body: string | null,
  { headers = {}, tags = {} }: Params,
): object {
  if (parentPort === null) throw new Error('only in a thread');
  const rung = new Int32Array(bell);
  const before = Atomics.load(rung, 0);
  parentPort.postMessage({ kind: 'request', request: { method, url, body, headers } }, []);
  Atomics.wait(rung, 0, before);
  const answer = answerSchema.parse(receiveMessageOnPort(parentPort)?.message);
  for (const name of [
    'http_reqs',
    `http_req_duration{stage:${tags['stage'] ?? ''}}`,
    `${tags['operation'] ?? ''}_requests`,
  ])
    counters[name] = (counters[name] ?? 0) + 1;
  const named = Object.entries(answer.headers).map(([name, value]) => [canonical(name), value]);
  return {
    ...answer,
    url,
    headers: Object.fromEntries(named),
    json: (path: string) => select(JSON.parse(answer.body), path),
  };
}

const canonical = (name: string): string =>
  name.replaceAll(/(^|-)[a-z]/g, (letters) => letters.toUpperCase());

const STEP = /#\((\w+)=="(\w+)"\)#|#|[^.#]+/g;

/** The little of gjson's paths that the scripts use: names, `#` for each, `#(name=="value")#` for some. */
function select(value: unknown, path: string): unknown {
  return [...path.matchAll(STEP)].reduce<unknown>((at, [step, key = '', wanted]) => {
    if (step === '#') return at;
    if (step.startsWith('#('))
      return z
        .array(z.record(z.string(), z.unknown()))
        .parse(at)
        .filter((one) => one[key] === wanted);
    if (Array.isArray(at)) return at.map((one) => select(one, step));
    return z.record(z.string(), z.unknown()).parse(at)[step];
  }, value);
}

export default {
  request,
  post: (url: string, body: string, params: Params): object => request('POST', url, body, params),
  expectedStatuses: (...statuses: number[]): number[] => statuses,
};
