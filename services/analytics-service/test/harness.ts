import { createHealth, createLogger, createMetrics } from '@tributary/runtime';
import type { Clock } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { identityHeaders, testIdentityKey } from '@tributary/testkit';
import type { TestIdentity, TestScope } from '@tributary/testkit';
import { buildApp, SERVICE } from '../src/app.ts';

export const logger = createLogger({
  service: SERVICE,
  level: process.env['TEST_LOG_LEVEL'] ?? 'silent',
});

/** The body of an answer, whatever dashboard it is of. */
export interface Answer {
  status: number;
  // The tests compare whole bodies; their shapes are proven by the response schemas.
  // oxlint-disable-next-line typescript/no-explicit-any
  data: any;
  meta: {
    period: { from: string; to: string };
    currency: string;
    asOf: string | null;
    cached: boolean;
  } & Record<string, unknown>;
  body: Record<string, unknown>;
}

export type Get = (path: string, identity?: Partial<TestIdentity>) => Promise<Answer>;

/** The app on this database; answers requests of a super_admin unless told otherwise. */
export async function openDashboards(
  t: TestScope,
  db: Database,
  clock?: Clock,
  reportingTimeZone = 'UTC',
): Promise<Get> {
  const app = await buildApp({
    db,
    logger,
    metrics: createMetrics({ service: SERVICE }),
    health: createHealth({ logger, checks: {} }),
    identityKey: testIdentityKey(SERVICE),
    reportingTimeZone,
    ...(clock === undefined ? {} : { clock }),
  });
  t.teardown(() => app.close());
  return async (path, identity = {}) => {
    const headers = identityHeaders({ service: SERVICE, ...identity });
    const response = await app.inject({ method: 'GET', url: `/dashboard/${path}`, headers });
    const body = response.json();
    return { status: response.statusCode, data: body.data, meta: body.meta, body };
  };
}

/** What a partner's user may. */
export function partnerIdentity(partnerId: string): Partial<TestIdentity> {
  return { role: 'partner', partnerId };
}
