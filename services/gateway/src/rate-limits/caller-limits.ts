import { normalizeIP } from '@fastify/rate-limit';
import type { Identity, RateClass } from '@tributary/http-kit';
import type { FastifyRequest } from 'fastify';

/** All limits count over a quarter of an hour. */
export const WINDOW_MS = 15 * 60_000;

/** Requests per window. */
export interface Limits {
  readonly public: number;
  readonly admin: number;
  readonly partner: number;
  readonly apiKey: number;
}

/** Which counter a request belongs to, and how far it may go. */
export interface CallerLimit {
  /** A bounded label for metrics. */
  readonly limiter: 'public' | 'login' | 'link' | 'admin' | 'partner' | 'api_key';
  readonly key: string;
  readonly max: number;
}

/** Of a request what decides its counter while nobody vouches for it. Its address is worked out when it is asked for. */
export type Sender = Pick<FastifyRequest, 'ip' | 'serviceRoute'>;

type Counted = Pick<Identity, 'kind' | 'id' | 'role' | 'ip'>;

function callerLimiter(identity: Counted): 'public' | 'admin' | 'partner' | 'api_key' {
  if (identity.kind === 'public') return 'public';
  if (identity.kind === 'api_key') return 'api_key';
  return identity.role === 'partner' ? 'partner' : 'admin';
}

/**
 * Principals are limited each for itself, the public by address (IPv6: by /64, which one client owns). Login and tracking links have counters of their own,
 * so that clicks from an office's address do not keep its people from logging in.
 */
export function limitOf(identity: Counted, rateClass: RateClass, limits: Limits): CallerLimit {
  if (rateClass === 'login')
    return { limiter: 'login', key: `auth:${normalizeIP(identity.ip)}`, max: limits.public };
  if (rateClass === 'none')
    return { limiter: 'link', key: `link:${normalizeIP(identity.ip)}`, max: limits.public };
  const limiter = callerLimiter(identity);
  switch (limiter) {
    case 'public':
      return { limiter, key: `public:${normalizeIP(identity.ip)}`, max: limits.public };
    case 'api_key':
      return { limiter, key: `key:${identity.id}`, max: limits.apiKey };
    case 'partner':
      return { limiter, key: `user:${identity.id}`, max: limits.partner };
    case 'admin':
      return { limiter, key: `user:${identity.id}`, max: limits.admin };
  }
}

/**
 * The counter of a request whose credentials are not known to be good: apart from those that bring none, so that the visitors of
 * an address never lock out the keys that are used from it.
 */
export function strangerLimit({ ip, serviceRoute }: Sender, limits: Limits): CallerLimit {
  const counted = limitOf({ kind: 'public', id: 'public', ip }, serviceRoute?.rateClass ?? 'caller', limits);
  return counted.limiter === 'public' ? { ...counted, key: `stranger:${normalizeIP(ip)}` } : counted;
}
