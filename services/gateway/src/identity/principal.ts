import { ROLE_SCOPES, type Identity } from '@tributary/http-kit';
import type { TokenSubject } from './access-tokens.ts';

/** Who is calling, before it is known from where: an identity without the particulars of one request. */
export type Principal = Omit<Identity, 'ip' | 'userAgent'>;

/** A signed-in person may do what the role's bundle holds. */
export function userPrincipal(subject: Omit<TokenSubject, 'sessionId'>): Principal {
  return {
    kind: 'user',
    id: subject.userId,
    name: subject.name,
    role: subject.role,
    scopes: [...ROLE_SCOPES[subject.role]],
    programId: subject.programId,
    ...(subject.partnerId === null ? {} : { partnerId: subject.partnerId }),
  };
}

/** Whoever calls without credentials. */
export function publicPrincipal(programId: string): Principal {
  return { kind: 'public', id: 'public', name: 'public', scopes: [], programId };
}
