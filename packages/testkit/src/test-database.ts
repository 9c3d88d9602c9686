import { connect, type Database, SERVICE_ROLE } from '@tributary/schema';
import postgres from 'postgres';

import { TEMPLATE_DATABASE, withDatabase, withUser } from './database-names.ts';
import { runnerSetting, type TestScope } from './scope.ts';
import { uniqueName } from './unique.ts';

/** A database of its own for a test file, with all tables and no rows. */
export interface TestDatabase {
  name: string;
  /** As the role that owns everything. */
  ownerUrl: string;
  /** As the role that services connect as. */
  serviceUrl: string;
  db: Database;
  owner: Database;
}

/** A burst of a test waits its turn on a busy machine; what the usual two seconds do is tested in packages/schema. */
const PATIENCE_MS = 30_000;

async function asAdministrator(statement: string): Promise<void> {
  const sql = postgres(runnerSetting('TEST_POSTGRES_URL'), { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

/** Clones the migrated template; the clone goes with the scope, whoever is still connected to it. */
export async function createTestDatabase(t: TestScope): Promise<TestDatabase> {
  const name = uniqueName('test_');
  // Copying files rather than logging them block by block: 30 ms against 400 (docs/decisions.md).
  await asAdministrator(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE_DATABASE} STRATEGY FILE_COPY`);
  const ownerUrl = withDatabase(runnerSetting('TEST_POSTGRES_URL'), name);
  const serviceUrl = withUser(ownerUrl, SERVICE_ROLE);
  const acquireTimeoutMs = PATIENCE_MS;
  const db = connect({ url: serviceUrl, applicationName: 'test', acquireTimeoutMs });
  const owner = connect({
    url: ownerUrl,
    applicationName: 'test-owner',
    maxConnections: 2,
    acquireTimeoutMs,
  });
  t.teardown(async () => {
    await Promise.all([db.close(), owner.close()]);
    await asAdministrator(`DROP DATABASE ${name} WITH (FORCE)`);
  });
  return { name, ownerUrl, serviceUrl, db, owner };
}
