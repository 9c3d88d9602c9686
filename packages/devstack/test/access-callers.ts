import { ROLE_SCOPES, SCOPES, type Scope } from '@tributary/http-kit';
import { USER_ROLES, type UserRole } from '@tributary/schema';

import { type Call, clientOf, dataOf, loggedIn } from './api-client.ts';
import type { Platform } from './platform.ts';

/** Somebody who calls, and what has to follow from who it is. */
export interface Caller {
  readonly name: string;
  readonly call: Call;
  /** None at all for the public. */
  readonly scopes: readonly Scope[] | undefined;
  readonly isPartner: boolean;
}

/** Another partner than the platform's, with a login. */
export interface OtherPartner {
  readonly id: string;
  readonly call: Call;
}

const PASSWORD = 'a password of the matrix';

async function userOf(platform: Platform, admin: Call, role: UserRole, partnerId?: string): Promise<Call> {
  const email = `${role}-${partnerId ?? 'staff'}@matrix.example`;
  const body = { email, name: `Matrix ${role}`, role, password: PASSWORD, partnerId };
  await dataOf(admin('POST', '/users', { body }), 201);
  return loggedIn(platform, { email, password: PASSWORD });
}

async function keyOf(platform: Platform, admin: Call, scopes: readonly Scope[], partnerId?: string) {
  const body = { name: 'matrix', scopes, partnerId };
  const made = await dataOf(admin('POST', '/auth/api-keys', { body }), 201);
  return clientOf(platform, made.key);
}

export async function otherPartner(platform: Platform, admin: Call): Promise<OtherPartner> {
  const body = { name: 'Other Partner', email: 'other@matrix.example', referralCode: 'OTHER' };
  const { id } = await dataOf(admin('POST', '/partners', { body }), 201);
  return { id, call: await userOf(platform, admin, 'partner', id) };
}

/** The public, every role, an API key with each single scope, and a partner's key with all of them. */
export async function everyCaller(platform: Platform, admin: Call): Promise<Caller[]> {
  const { partnerId } = platform;
  const people = USER_ROLES.map(async (role): Promise<Caller> => {
    const isPartner = role === 'partner';
    const call = await userOf(platform, admin, role, isPartner ? partnerId : undefined);
    return { name: role, call, scopes: ROLE_SCOPES[role], isPartner };
  });
  const keys = SCOPES.map(async (scope): Promise<Caller> => {
    const call = await keyOf(platform, admin, [scope]);
    return { name: `key with ${scope}`, call, scopes: [scope], isPartner: false };
  });
  const partnerKey = await keyOf(platform, admin, SCOPES, partnerId);
  return [
    { name: 'public', call: clientOf(platform), scopes: undefined, isPartner: false },
    ...(await Promise.all([...people, ...keys])),
    { name: 'key of a partner', call: partnerKey, scopes: SCOPES, isPartner: true },
  ];
}
