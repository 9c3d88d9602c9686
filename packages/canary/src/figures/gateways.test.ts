import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import t, { type Test } from 'tap';

import { fromGateways } from './gateways.ts';

/** A process that answers every request with what this makes of its URL; answers its address. */
async function serve(t: Pick<Test, 'teardown'>, answer: (url: URL) => string): Promise<string> {
  const server = createServer((request, response) => {
    response.end(answer(new URL(request.url ?? '', 'http://local')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const exposition = (good: number, bad: number): string => `
http_requests_total{method="GET",path="/api/v1/a",status="200",service="gateway"} ${good}
http_requests_total{method="POST",path="/api/v1/a",status="502",service="gateway"} ${bad}
http_request_duration_seconds_bucket{le="0.1",method="GET",path="/api/v1/a",status="200",service="gateway"} ${good}
http_request_duration_seconds_bucket{le="+Inf",method="GET",path="/api/v1/a",status="200",service="gateway"} ${good}
`;

t.test('two gateways are compared by what each says of itself', async (t) => {
  const stable = await serve(t, () => exposition(900, 0));
  const candidate = await serve(t, () => exposition(94, 6));
  t.match(await fromGateways({ stable, candidate, prometheusUrl: undefined })(), {
    stable: {
      requests: 900,
      errors: 0,
      buckets: [
        [0.1, 900],
        [Infinity, 900],
      ],
    },
    canary: {
      requests: 100,
      errors: 6,
      buckets: [
        [0.1, 94],
        [Infinity, 94],
      ],
    },
  });
});

t.test('of several stable gateways Prometheus tells, and the candidate is not one of them', async (t) => {
  const candidate = await serve(t, () => exposition(94, 6));
  const asked: string[] = [];
  const prometheusUrl = await serve(t, (url) => {
    const query = url.searchParams.get('query') ?? '';
    asked.push(query);
    const metric = query.includes('_bucket') ? { le: '+Inf' } : { status: '200' };
    return JSON.stringify({ data: { result: [{ metric, value: [0, '1800'] }] } });
  });
  const totals = await fromGateways({ stable: 'http://127.0.0.1:1', candidate, prometheusUrl })();
  t.match(totals, { stable: { requests: 1_800, errors: 0 }, canary: { requests: 100, errors: 6 } });
  const but = `{service="gateway",instance!="${new URL(candidate).host}"}`;
  t.ok(asked.length === 2 && asked.every((query) => query.includes(but)), asked.join('; '));
});
