import type { UserRole } from '@tributary/schema';

/** What a caller may be allowed to do; for people (by role) and API keys alike. */
export const SCOPES = [
  'conversions:write',
  'conversions:read',
  'catalog:read',
  'catalog:write',
  'analytics:read',
  'operations:read',
  'operations:write',
  'payments:write',
  'webhooks:read',
  'webhooks:write',
  'identity:write',
  'jobs:run',
] as const;

export type Scope = (typeof SCOPES)[number];

const readScopes = [
  'conversions:read',
  'catalog:read',
  'analytics:read',
  'operations:read',
  'webhooks:read',
] as const;

/**
 * Roles are named bundles of scopes; no route ever asks for a role. `identity:write` stands for users, API keys and
 * settings, which only a super_admin changes. A partner's scopes reach its own data only: see `partnerAccess`.
 */
export const ROLE_SCOPES = {
  super_admin: SCOPES,
  admin: SCOPES.filter((scope) => scope !== 'identity:write'),
  finance: [...readScopes, 'payments:write'],
  viewer: readScopes,
  partner: ['conversions:read', 'analytics:read', 'webhooks:read', 'webhooks:write'],
} as const satisfies Record<UserRole, readonly Scope[]>;
