import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import t from 'tap';

import { fromPrometheus } from './read-figures.ts';

/** Answers queries as Prometheus does, by what they ask for. */
function answer(query: string): object {
  const rows = query.includes('_bucket')
    ? [
        [{ release: 'canary', le: '0.1' }, '90'],
        [{ release: 'canary', le: '+Inf' }, '100'],
        [{ release: 'stable', le: '+Inf' }, '900'],
      ]
    : [
        [{ release: 'canary', status: '200' }, '94'],
        [{ release: 'canary', status: '500' }, '6'],
        [{ release: 'stable', status: '200' }, '900'],
      ];
  const result = rows.map(([metric, value]) => ({ metric, value: [0, value] }));
  return { status: 'success', data: { resultType: 'vector', result } };
}

t.test('through Prometheus the figures of all gateways are added up by release', async (t) => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://prometheus');
    const query = url.searchParams.get('query') ?? '';
    asked.push(query);
    response.end(JSON.stringify(answer(query)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;

  const totals = await fromPrometheus(`http://127.0.0.1:${port}`, 'tracking-service')();
  t.match(totals, {
    canary: {
      requests: 100,
      errors: 6,
      buckets: [
        [0.1, 90],
        [Infinity, 100],
      ],
    },
    stable: { requests: 900, errors: 0 },
  });
  t.ok(
    asked.every((query) => query.includes('{service="tracking-service"}')),
    asked.join('; '),
  );
});
