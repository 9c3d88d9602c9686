import { createHash } from 'node:crypto';
import { normalizeIP } from '@fastify/rate-limit';
import type { Decisions } from './decisions.ts';
import type { SharedCounter } from './redis-counter.ts';

const WINDOW_MS = 15 * 60_000;

export type LoginAdmission =
  | { readonly outcome: 'admitted' }
  | { readonly outcome: 'limited'; readonly limit: number; readonly retryAfterMs: number }
  | { readonly outcome: 'unavailable' };

/** Bounds failed logins per account and address together; of IPv6 a /64 is one address, since one client owns it. */
export interface LoginLimiter {
  /** Counts an attempt before the password is looked at, so that parallel guesses cannot slip through. */
  admit(email: string, address: string): Promise<LoginAdmission>;
  /** A login that succeeded takes its account's failures from this address back. */
  forgive(email: string, address: string): Promise<void>;
}

/** Fails closed: without Redis nobody can guess passwords, at the price that nobody can log in. */
export function createLoginLimiter(deps: {
  readonly counter: SharedCounter;
  readonly limit: number;
  readonly decisions: Decisions;
  readonly onFailure: (error: unknown) => void;
}): LoginLimiter {
  const { limit, decisions } = deps;
  const keyOf = (email: string, address: string) =>
    `login:${createHash('sha256')
      .update(`${email.toLowerCase()}\n${normalizeIP(address)}`)
      .digest('base64url')}`;

  return {
    async admit(email, address) {
      try {
        const { total, ttlMs } = await deps.counter.add(keyOf(email, address), 1, WINDOW_MS);
        decisions.count('failed_login', total > limit ? 'limited' : 'allowed');
        return total > limit ? { outcome: 'limited', limit, retryAfterMs: ttlMs } : { outcome: 'admitted' };
      } catch (error) {
        decisions.count('failed_login', 'unavailable');
        deps.onFailure(error);
        return { outcome: 'unavailable' };
      }
    },
    async forgive(email, address) {
      try {
        await deps.counter.clear(keyOf(email, address));
      } catch (error) {
        deps.onFailure(error);
      }
    },
  };
}
