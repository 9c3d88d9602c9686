import { deriveIdentityKey, IDENTITY_HEADER, signIdentity } from '@tributary/http-kit';
import { Agent, request } from 'undici';
import { z } from 'zod';

import type { DrillContext, DrillDeclaration, DrillResult } from '../drill-declaration.ts';
import type { MeasuredProcess } from '../processes.ts';
import { IDENTITY_SECRET, startBenchServers, type BenchServers } from '../rows/bench-servers.ts';
import { startNode } from '../webhooks/start-node.ts';
import { brokenBooks } from './commission-books.ts';

const COMMISSIONS = 50;
const AT_ONCE = 200;
/** Commissions under attack at the same time: each has its 200 requests in flight. */
const LANES = 2;

type Service = 'operations-service' | 'tracking-service';

interface Ground {
  readonly context: DrillContext;
  readonly servers: BenchServers;
  readonly services: Readonly<Record<Service, MeasuredProcess>>;
  readonly agent: Agent;
}

interface Sale {
  readonly commissionId: string;
  readonly conversionId: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

export const commissionsRaceDrill: DrillDeclaration = {
  name: 'commissions-race',
  says: `${AT_ONCE} pay, cancel, refund and adjust at once on each of ${COMMISSIONS} commissions: one ending each, equal books`,
  async run(context) {
    const servers = await startBenchServers(context);
    const environment = { ...servers.environment, LOG_LEVEL: 'error', HASH_PEPPER: 'the pepper of a drill' };
    const start = (service: Service) =>
      startNode(context.root, `services/${service}/src/server.ts`, environment);
    const [operations, tracking] = await Promise.all([
      start('operations-service'),
      start('tracking-service'),
    ]);
    const agent = new Agent({ connections: AT_ONCE * LANES, pipelining: 1 });
    try {
      const services = { 'operations-service': operations, 'tracking-service': tracking };
      return await drill({ context, servers, services, agent });
    } finally {
      await agent.close();
      await Promise.all([operations.stop(), tracking.stop()]);
      await servers.stop();
    }
  },
};

async function drill(ground: Ground): Promise<DrillResult> {
  const { context, servers } = ground;
  const sales = await makeSales(ground);
  const began = performance.now();
  const answers = new Map<Sale, Answer[]>();
  const waiting = [...sales];
  const lane = async (): Promise<void> => {
    for (let sale = waiting.pop(); sale !== undefined; sale = waiting.pop()) {
      const attack = attackOf(sale).map(([path, body]) => call(ground, 'operations-service', path, body));
      answers.set(sale, await Promise.all(attack));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const seconds = (performance.now() - began) / 1_000;
  const all = [...answers.values()].flat();
  context.log(
    `${all.length} requests in ${seconds.toFixed(1)} s: ${countedBy(all, ({ status }) => `${status}`)}`,
  );
  const refusals = all.filter(({ status }) => status === 409);
  context.log(`409: ${countedBy(refusals, ({ body }) => problemSchema.parse(JSON.parse(body)).code)}`);
  const strange = all.filter(({ status }) => status !== 200 && status !== 409);
  for (const { status, body } of strange.slice(0, 3)) context.log(`unexpected ${status}: ${body}`);
  let faults = strange.length;
  for (const [{ commissionId, conversionId }, own] of answers) {
    const done = own.filter(({ status }) => status === 200);
    const refunds = done.filter(({ body }) => body.startsWith('{"success":true,"data":{"conversion"')).length;
    const found = await brokenBooks(servers.owner, {
      commissionId,
      conversionId,
      changes: done.length - refunds,
      refunds,
    });
    for (const fault of found) context.log(`${commissionId}: ${fault}`);
    faults += found.length;
  }
  context.log(`endings: ${await endingsOf(servers)}`);
  return { passed: faults === 0 && answers.size === COMMISSIONS };
}

/** Two hundred requests in random order; an ending is one of ten, so that something happens before it. */
function attackOf({ commissionId, conversionId }: Sale): [path: string, body: object][] {
  const own = `/operations/commissions/${commissionId}`;
  const reason = 'a drill';
  const requests = Array.from({ length: AT_ONCE }, (_, index): [string, object] => {
    switch (index % 10) {
      case 0:
        return index % 20 === 0
          ? [`${own}/pay`, { paymentMethod: 'wire', paymentReference: `REF-${index}` }]
          : [`${own}/cancel`, { reason }];
      case 1:
      case 2:
      case 3:
        return ['/operations/refunds', { conversionId, refundAmount: 1, reason }];
      default:
        return [`${own}/adjust`, { newAmount: amountOf(index), reason }];
    }
  });
  return requests
    .map((one) => ({ one, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ one }) => one);
}

/** Further apart than refunds can bring any two of them: an adjustment to the present amount would be a 400. */
const amountOf = (index: number): number => Math.round(1_000 * 1.08 ** index) / 100;

async function makeSales(ground: Ground): Promise<readonly Sale[]> {
  const post = async (service: Service, path: string, body: object): Promise<unknown> => {
    const answer = await call(ground, service, path, body);
    if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  };
  const partner = { name: 'Drill', email: 'drill@example.com', referralCode: 'DRILL' };
  await post('operations-service', '/partners', partner);
  await post('operations-service', '/products', {
    sku: 'DRILL',
    name: 'Drill',
    price: 1_000,
    currency: 'USD',
  });
  await post('operations-service', '/policies', {
    code: 'DRILL',
    name: 'Drill',
    type: 'percentage',
    rate: 10,
  });
  const sales: Sale[] = [];
  for (let index = 1; index <= COMMISSIONS; index += 1) {
    const order = {
      orderId: `DRILL-${index}`,
      sku: 'DRILL',
      orderAmount: 1_000,
      currency: 'USD',
      referralCode: 'DRILL',
    };
    const { data } = saleSchema.parse(
      await post('tracking-service', '/tracking/conversion', { ...order, confirmed: true }),
    );
    const [commission] = data.commissions;
    if (commission === undefined) throw new Error(`order ${order.orderId} earned no commission`);
    await post('operations-service', `/operations/commissions/${commission.id}/confirm`, {
      reason: 'a drill',
    });
    sales.push({ commissionId: commission.id, conversionId: commission.conversionId });
  }
  return sales;
}

const saleSchema = z.object({
  data: z.object({ commissions: z.array(z.object({ id: z.string(), conversionId: z.string() })) }),
});

const problemSchema = z.object({ code: z.string() });

async function call(
  { services, agent }: Ground,
  service: Service,
  path: string,
  body: object,
): Promise<Answer> {
  const response = await request(`${services[service].url}${path}`, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/json', [IDENTITY_HEADER]: identityFor(service) },
    body: JSON.stringify(body),
  });
  return { status: response.statusCode, body: await response.body.text() };
}

const identityFor = (service: Service): string =>
  signIdentity(
    {
      kind: 'api_key',
      id: 'drill',
      name: 'drill',
      scopes: ['operations:read', 'operations:write', 'payments:write', 'catalog:write', 'conversions:write'],
      programId: 'default',
      ip: '127.0.0.1',
      userAgent: 'drill',
    },
    { service, key: deriveIdentityKey(IDENTITY_SECRET, service) },
  );

function countedBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): string {
  const groups = Object.entries(Object.groupBy(items, keyOf));
  return groups.map(([key, group]) => `${group?.length ?? 0} x ${key}`).join(', ');
}

async function endingsOf({ owner }: BenchServers): Promise<string> {
  const rows = await owner.query<{ status: string; count: number; versions: number }>(
    'SELECT status, count(*)::int AS count, sum(version)::int AS versions FROM commissions GROUP BY status ORDER BY status',
  );
  return rows.map(({ status, count, versions }) => `${count} ${status} after ${versions} changes`).join(', ');
}
