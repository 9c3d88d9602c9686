import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';

import type * as HttpKit from '@tributary/http-kit';
import type { Identity, IdentityKey } from '@tributary/http-kit';

/** The secret from which tests derive the keys of services: give it to `buildApp` by `testIdentityKey(service)`. */
export const TEST_IDENTITY_SECRET = 'identity-secret-of-the-tests-only-0123456789';

// Loaded when first used: Fastify and its plugins would cost every test file a third of a second.
const httpKit = (): typeof HttpKit => createRequire(import.meta.url)('@tributary/http-kit');

/** The key a service checks identities with. */
export function testIdentityKey(service: string): IdentityKey {
  return httpKit().deriveIdentityKey(TEST_IDENTITY_SECRET, service);
}

export type TestIdentity = Partial<Identity> & {
  /** Whom the header is for, e.g. `operations-service`. */
  service: string;
};

/**
 * The header by which the gateway would tell `service` who is calling: a user with every scope of its role (`super_admin`
 * unless a role or scopes are given).
 */
export function identityHeaders({ service, ...given }: TestIdentity): Record<string, string> {
  const { IDENTITY_HEADER, ROLE_SCOPES, signIdentity } = httpKit();
  const role = given.role ?? (given.scopes === undefined ? 'super_admin' : undefined);
  const identity: Identity = {
    kind: 'user',
    id: randomUUID(),
    name: 'Test User',
    scopes: role === undefined ? [] : [...ROLE_SCOPES[role]],
    ...(role === undefined ? {} : { role }),
    programId: 'default',
    ip: '203.0.113.7',
    userAgent: 'tributary-tests/1.0',
    ...given,
  };
  return { [IDENTITY_HEADER]: signIdentity(identity, { service, key: testIdentityKey(service) }) };
}
