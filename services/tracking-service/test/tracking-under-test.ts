import type { EventEnvelope, StoredEvent } from '@tributary/event-catalog';
import type { Identity } from '@tributary/http-kit';
import { createHealth, createLogger, createMetrics, systemClock, type Clock } from '@tributary/runtime';
import type { Database, ReadDatabase } from '@tributary/schema';
import { identityHeaders, testIdentityKey, type TestScope } from '@tributary/testkit';
import { buildTracking, type TrackingService } from '../src/app.ts';

const SERVICE = 'tracking-service';

/** A browser that isbot knows to be none. */
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

export interface UnderTest extends TrackingService {
  readonly published: StoredEvent[];
  readonly post: (url: string, body?: object, who?: Partial<Identity>) => Promise<Answer>;
  readonly get: (url: string, who?: Partial<Identity>) => Promise<Answer>;
  readonly metric: (line: string) => Promise<boolean>;
}

export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: { success: boolean; data: never; meta: never; code?: string; errors?: { path: string }[] } & Record<
    string,
    unknown
  >;
}

interface Options {
  readonly db: Database;
  /** For lists; default `db`. */
  readonly reads?: ReadDatabase;
  readonly clock?: Clock;
  readonly spill?: (event: EventEnvelope<'click.spilled'>) => Promise<void>;
  readonly allowedDestinations?: readonly [string, ...string[]];
}

/** Nobody in particular, with a browser. */
export const PUBLIC: Partial<Identity> = {
  kind: 'public',
  id: 'public',
  name: 'public',
  scopes: [],
  userAgent: BROWSER,
};

/** The service's app on a test's database, spoken to as the gateway would. */
export async function startTracking(t: TestScope, options: Options): Promise<UnderTest> {
  const published: StoredEvent[] = [];
  const metrics = createMetrics({ service: SERVICE });
  const service = await buildTracking({
    db: options.db,
    ...(options.reads === undefined ? {} : { reads: options.reads }),
    publish: (events) => published.push(...events),
    spill: options.spill ?? (() => Promise.reject(new Error('NATS is away'))),
    logger: createLogger({ service: SERVICE, level: 'silent' }),
    metrics,
    health: createHealth({ checks: {} }),
    identityKey: testIdentityKey(SERVICE),
    clock: options.clock ?? systemClock,
    settings: {
      hashPepper: 'a pepper of the tests only',
      allowedDestinations: options.allowedDestinations ?? ['https://shop.example'],
      internalNetworks: ['192.0.2.0/24', '2001:db8:1::/48'],
      redirectWaitMs: 5_000,
      secureCookies: false,
      reportingTimeZone: 'UTC',
    },
  });
  t.teardown(async () => {
    await service.app.close();
    await service.drain();
  });
  const ask = async (
    method: 'GET' | 'POST',
    url: string,
    who: Partial<Identity>,
    body?: object,
  ): Promise<Answer> => {
    const headers = identityHeaders({ service: SERVICE, ...who });
    const answer = await service.app.inject({
      method,
      url,
      headers,
      ...(body === undefined ? {} : { payload: body }),
    });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: answer.body === '' ? {} : JSON.parse(answer.body),
    };
  };
  return {
    ...service,
    published,
    post: (url, body, who = {}) => ask('POST', url, who, body),
    get: (url, who = {}) => ask('GET', url, who),
    metric: async (line) => (await metrics.expose()).includes(line),
  };
}

/** A shop's back end, with a key of its own. */
export const SHOP: Partial<Identity> = {
  kind: 'api_key',
  id: '019a0000-0000-7000-8000-000000000001',
  name: 'Shop',
  scopes: ['conversions:write', 'conversions:read'],
};

/** Posts a click of the public; answers its body's data. */
export async function click(
  tracking: UnderTest,
  body: object,
  who: Partial<Identity> = {},
): Promise<{ clickId: string; status: string }> {
  const answer = await tracking.post('/tracking/click', body, { ...PUBLIC, ...who });
  if (answer.status !== 201)
    throw new Error(`the click was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body.data;
}

/** Valid clicks as the rollup has them and as the rows say. */
export async function countValid(db: Database): Promise<{ rollup: number; rows: number }> {
  const [counted] = await db.query<{ rollup: number; rows: number }>(
    `SELECT (SELECT coalesce(sum(valid_clicks), 0)::int FROM rollup_click_hours) AS rollup,
      (SELECT count(*)::int FROM referral_clicks WHERE status = 'valid') AS rows`,
  );
  return counted ?? { rollup: -1, rows: -1 };
}
