import { deriveIdentityKey, IDENTITY_HEADER, signIdentity } from '@tributary/http-kit';
import { Agent, request } from 'undici';

import type { MeasuredProcess } from '../processes.ts';
import { IDENTITY_SECRET } from '../rows/bench-servers.ts';
import { startNode } from '../webhooks/start-node.ts';
import type { Past } from './past.ts';
import type { Range } from './raw-sql.ts';

export const ANALYTICS = 'analytics-service';

/** An analytics-service on a filled database. */
export interface AnalyticsUnderMeasurement extends MeasuredProcess {
  /** Asks for a dashboard in US dollars and answers its body. @throws when it is refused */
  ask(dashboard: string, range: Range): Promise<string>;
}

/** Unless told otherwise without a broker: nothing changes while it is measured, and it answers all the same. */
export async function startAnalytics(
  root: string,
  { serviceUrl }: Pick<Past, 'serviceUrl'>,
  env: Readonly<Record<string, string>> = {},
): Promise<AnalyticsUnderMeasurement> {
  const service = await startNode(root, `services/${ANALYTICS}/src/server.ts`, {
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    WORKERS: 'off',
    DATABASE_URL: serviceUrl,
    NATS_URL: 'nats://127.0.0.1:1',
    REDIS_URL: 'redis://127.0.0.1:1',
    IDENTITY_SECRET,
    ...env,
  });
  return { ...service, ask: askerOf(service.url) };
}

/** Asks an analytics-service over one connection. */
export function askerOf(url: string): AnalyticsUnderMeasurement['ask'] {
  const dispatcher = new Agent({ connections: 1 });
  const headers = { [IDENTITY_HEADER]: identityForBench() };
  return async (dashboard, { from, to }) => {
    const query = `dateFrom=${from.toISOString()}&dateTo=${to.toISOString()}&currency=USD`;
    const path = `${dashboard}${dashboard.includes('?') ? '&' : '?'}${query}`;
    const answer = await request(`${url}/dashboard/${path}`, { dispatcher, headers });
    const body = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}: ${body}`);
    return body;
  };
}

/** Good for the whole run: a bench outlives the half minute that the gateway signs for. */
function identityForBench(): string {
  const identity = {
    kind: 'api_key' as const,
    id: 'bench',
    name: 'bench',
    scopes: ['analytics:read' as const],
    programId: 'default',
    ip: '127.0.0.1',
    userAgent: 'bench',
  };
  const key = deriveIdentityKey(IDENTITY_SECRET, ANALYTICS);
  return signIdentity(identity, { service: ANALYTICS, key }, Date.now() + 3_600_000);
}
