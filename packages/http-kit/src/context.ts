import type { FastifyRequest } from 'fastify';
import type { IdempotencyContext } from './idempotency-context.ts';

/** Who did it, as entries, audit rows and events keep it. */
export interface RequestActor {
  readonly kind: 'user' | 'api_key' | 'public';
  readonly id: string | null;
  readonly name: string;
}

/** What a command needs to know about the request that asked for it. */
export interface CommandContext {
  readonly programId: string;
  readonly actor: RequestActor;
  readonly requestId: string;
  readonly ipAddress: string;
  readonly userAgent: string;
  readonly now: Date;
  readonly idempotency?: IdempotencyContext;
}

export function requestContext(request: FastifyRequest, now: Date = new Date()): CommandContext {
  const { identity, idempotency } = request;
  return {
    programId: identity.programId,
    actor: { kind: identity.kind, id: identity.kind === 'public' ? null : identity.id, name: identity.name },
    requestId: request.id,
    ipAddress: identity.ip,
    userAgent: identity.userAgent,
    now,
    ...(idempotency === null ? {} : { idempotency }),
  };
}
