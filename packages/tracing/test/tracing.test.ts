import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import t from 'tap';

import { activeTracing, startTracing } from '../src/index.ts';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const exported: string[] = [];
const collector = createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  request.on('end', () => {
    exported.push(text);
    response.setHeader('content-type', 'application/json').end('{}');
  });
});
await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
t.teardown(() => collector.close());
const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/`;
const options = { service: 'some-service', release: 'v1', share: 1 };

t.test('without a collector there is no tracing', async (t) => {
  t.equal(await startTracing({ ...options, endpoint: undefined }), undefined);
  t.equal(activeTracing(), undefined);
});

t.test('spans find their parents by header, by context, by thing and by name', async (t) => {
  const tracing = await startTracing({ ...options, endpoint });
  if (tracing === undefined) throw new Error('there is a collector');
  t.equal(activeTracing(), tracing);
  t.equal(tracing.current(), undefined);
  const span = tracing.start('request', { kind: 'server', parent: PARENT, attributes: { left: undefined } });
  t.match(span.traceparent, /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);

  const thing = {};
  await tracing.within(span, async () => {
    await Promise.resolve();
    t.equal(tracing.current(), span.traceparent, 'also after waiting');
    tracing.carry([thing]);
  });
  t.equal(tracing.carriedBy(thing), span.traceparent);
  t.equal(tracing.carriedBy({}), undefined);
  tracing.remember('event', span);
  t.equal(tracing.recall('event'), span.traceparent);
  t.equal(tracing.recall('another'), undefined);

  const strange = tracing.start('nonsense', { kind: 'consumer', parent: 'nonsense' });
  t.notMatch(strange.traceparent, /0af7651916cd43dd/, 'nonsense begins a trace');
  strange.end();
  span.end({ name: 'GET /things', attributes: { status: 500 }, error: 'answered 500' });
  await tracing.stop();
  t.match(exported.join(), /"some-service"[^]*"GET \/things"[^]*"answered 500"/);
});

t.test('what is remembered by name is bounded', async (t) => {
  const tracing = await startTracing({ ...options, endpoint, share: 0 });
  const span = tracing?.start('request', { kind: 'server' });
  if (span === undefined) throw new Error('there is a collector');
  t.match(span.traceparent, /-00$/, 'a trace that is not recorded says so to whoever goes on');
  for (let n = 0; n <= 10_000; n += 1) tracing?.remember(`event ${n}`, span);
  t.equal(tracing?.recall('event 0'), undefined);
  t.equal(tracing?.recall('event 1'), span.traceparent);
  span.end();
  await tracing?.stop();
});
