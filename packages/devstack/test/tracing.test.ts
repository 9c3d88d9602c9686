import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { createWebhookReceiver, waitFor } from '@tributary/testkit';
import t from 'tap';
import { z } from 'zod';

import { clientOf, dataOf, loggedIn } from './api-client.ts';
import { startPlatform } from './platform.ts';

const spanSchema = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  attributes: z.array(z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) })).default([]),
});
const exportSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({
        attributes: z.array(
          z.object({ key: z.string(), value: z.object({ stringValue: z.string().optional() }) }),
        ),
      }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});
type Span = z.output<typeof spanSchema> & { readonly service: string };

/** What an OpenTelemetry collector does: takes spans over HTTP. */
const spans: Span[] = [];
const collector = createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  request.on('end', () => {
    for (const { resource, scopeSpans } of exportSchema.parse(JSON.parse(text)).resourceSpans) {
      const name = resource.attributes.find(({ key }) => key === 'service.name');
      const service = name?.value.stringValue ?? '';
      for (const scope of scopeSpans) spans.push(...scope.spans.map((span) => ({ ...span, service })));
    }
    response.setHeader('content-type', 'application/json').end('{}');
  });
});
await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
t.teardown(() => {
  collector.closeAllConnections();
  collector.close();
});
const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

const platform = await startPlatform(t, { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } });
const call = clientOf(platform, platform.apiKey);

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';

t.test('an order is one trace, from the shop to the webhook that told its partner', async (t) => {
  const receiver = await createWebhookReceiver(t);
  const partner = await loggedIn(platform, platform.partner);
  await dataOf(partner('POST', '/webhooks/endpoints', { body: { url: receiver.url } }), 201);
  const product = { sku: 'TRACE-1', name: 'Thing', price: 100, currency: 'USD' };
  await dataOf(call('POST', '/products', { body: product }), 201);
  await dataOf(
    call('POST', '/policies', { body: { code: 'ten', name: 'Ten', type: 'percentage', rate: 10 } }),
    201,
  );
  const order = { orderId: 'trace-1', sku: 'TRACE-1', orderAmount: 100, currency: 'USD' };
  const answer = await call('POST', '/tracking/conversion', {
    body: { ...order, referralCode: 'HARBOUR' },
    headers: { traceparent: `00-${TRACE}-${CALLER}-01` },
  });
  t.equal(answer.status, 201);

  const told = (): string[] =>
    spans.filter(({ traceId }) => traceId === TRACE).map(({ service, name }) => `${service}: ${name}`);
  const expected = [
    'gateway: POST /api/v1/tracking/conversion',
    'tracking-service: POST /tracking/conversion',
    'tracking-service: publish conversion.recorded',
    'analytics-service: consume conversion.recorded',
    'webhook-dispatcher: consume conversion.recorded',
    'webhook-dispatcher: webhook conversion.recorded',
  ];
  await waitFor(() => expected.every((one) => told().includes(one)), {
    timeoutMs: 30_000,
    what: 'every hop to be told',
  }).catch((error: unknown) => t.fail(`${String(error)}: ${told().join(', ')}`));

  const own = spans.filter(({ traceId }) => traceId === TRACE);
  const byId = new Map(own.map((span) => [span.spanId, span]));
  const pathOf = (span: Span): string[] => {
    const parent = byId.get(span.parentSpanId ?? '');
    return parent === undefined ? [span.parentSpanId ?? ''] : [...pathOf(parent), parent.service];
  };
  for (const span of own.filter(({ name }) => name === 'webhook conversion.recorded'))
    t.same(pathOf(span), [CALLER, 'gateway', 'tracking-service', 'tracking-service', 'webhook-dispatcher']);
  const gateway = own.find(({ service }) => service === 'gateway');
  t.match(
    gateway?.attributes.find(({ key }) => key === 'tributary.request_id')?.value,
    { stringValue: answer.headers.get('x-request-id') },
    'logs and traces find each other by the request id',
  );
});

t.test('a request without a trace begins one, and probes and scrapes have none', async (t) => {
  const { headers } = await call('GET', '/partners');
  const requestId = headers.get('x-request-id');
  const isIt = ({ attributes }: Span): boolean =>
    attributes.some(({ value }) => value['stringValue'] === requestId);
  await waitFor(() => spans.filter(isIt).length === 2, { what: 'gateway and service to tell of it' });
  const [one, other] = spans.filter(isIt);
  t.equal(one?.traceId, other?.traceId);
  t.same(
    spans.filter(({ name }) => /health|metrics|internal/.test(name)),
    [],
  );
});

t.test('where nobody listens, no module of OpenTelemetry is loaded', async (t) => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { startTracing, activeTracing } = await import('@tributary/tracing');
    await startTracing({ service: 's', release: 'r', share: 1, endpoint: process.env.ENDPOINT });
    console.log(JSON.stringify({ active: activeTracing() !== undefined, count: loaded.filter((url) => url.includes('@opentelemetry')).length }));
    process.exit(0);`;
  const run = (env: Record<string, string>): unknown => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: join(import.meta.dirname, '../../runtime'),
      env,
      encoding: 'utf8',
    });
    t.equal(stderr, '');
    return JSON.parse(stdout);
  };
  t.same(run({}), { active: false, count: 0 });
  t.match(run({ ENDPOINT: endpoint }), { active: true, count: Number });
  t.not((run({ ENDPOINT: endpoint }) as { count: number }).count, 0, 'the count would see them');
});
