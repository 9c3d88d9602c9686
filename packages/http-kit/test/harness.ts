import { Writable } from 'node:stream';
import { createHealth, createLogger, createMetrics, newId } from '@tributary/runtime';
import { DEFAULT_PROGRAM } from '@tributary/schema';
import type { Database } from '@tributary/schema';
import { buildServiceApp, deriveIdentityKey, IDENTITY_HEADER, SCOPES, signIdentity } from '../src/index.ts';
import type { Identity, ServiceApp } from '../src/index.ts';

const service = 'things-service';

export const signing = { service, key: deriveIdentityKey('a secret of the test, 32 characters', service) };

interface Scope {
  teardown(release: () => unknown): void;
}

/** A service app with the routes of a test, and the lines that it logs. */
export async function startApp(t: Scope, routes: (app: ServiceApp) => void, db?: Pick<Database, 'query'>) {
  const logLines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logLines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  const health = createHealth({ checks: { postgres: { required: true, check: async () => undefined } } });
  const app = await buildServiceApp({
    service,
    logger: createLogger({ service, destination }),
    metrics: createMetrics({ service }),
    health,
    identityKey: signing.key,
    ...(db === undefined ? {} : { db }),
  });
  t.teardown(async () => app.close());
  routes(app);
  await app.ready();
  return { app, logLines, health };
}

export const admin: Identity = {
  kind: 'user',
  id: newId(),
  name: 'Ada Admin',
  role: 'admin',
  scopes: [...SCOPES],
  programId: DEFAULT_PROGRAM,
  ip: '192.0.2.1',
  userAgent: 'test',
};

/** Headers as the gateway sends them for this caller. */
export function as(identity: Partial<Identity> = {}): Record<string, string> {
  return { [IDENTITY_HEADER]: signIdentity({ ...admin, ...identity }, signing) };
}
