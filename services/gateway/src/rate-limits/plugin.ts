import rateLimit, { type FastifyRateLimitStore, type FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import { AppError, commonErrors } from '@tributary/http-kit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { WINDOW_MS, type CallerLimit } from './caller-limits.ts';
import type { Decisions } from './decisions.ts';
import type { LeasedLimiter, Placement } from './leased-limiter.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once it is known who is calling and what for. */
    callerLimit: CallerLimit | null;
  }
}

interface Incremented {
  readonly current: number;
  readonly ttl: number;
}

/** The plugin's store on top of the leased limiter; answers at once where it can. */
function storeOn(
  limiter: LeasedLimiter,
  onPlaced: (placement: Placement) => void,
): FastifyRateLimitStoreCtor {
  class LeasedStore implements FastifyRateLimitStore {
    incr(
      key: string,
      callback: (error: Error | null, result?: Incremented) => void,
      timeWindow = WINDOW_MS,
      max = 0,
    ): void {
      const answer = (placement: Placement) => {
        onPlaced(placement);
        callback(null, { current: placement.position, ttl: placement.ttlMs });
      };
      const placed = limiter.take(key, max, timeWindow);
      if (placed instanceof Promise) placed.then(answer, callback);
      else answer(placed);
    }

    child(): LeasedStore {
      return this;
    }
  }
  return LeasedStore;
}

const limitFor = (request: FastifyRequest): CallerLimit => {
  if (request.callerLimit === null) throw new Error('A request is limited before its caller is known');
  return request.callerLimit;
};

/**
 * Limits every route of `app` that is registered afterwards and does not opt out with `config.rateLimit: false`.
 * `request.callerLimit` has to be set by an earlier hook.
 */
export async function limitRates(
  app: FastifyInstance,
  deps: { readonly limiter: LeasedLimiter; readonly decisions: Decisions },
): Promise<void> {
  const { limiter, decisions } = deps;
  app.decorateRequest('callerLimit', null);
  await app.register(rateLimit, {
    global: true,
    timeWindow: WINDOW_MS,
    keyGenerator: (request) => limitFor(request).key,
    max: (request) => limitFor(request).max,
    store: storeOn(limiter, (placement) => decisions.countPlacement(placement)),
    onExceeding: (request) => decisions.count(limitFor(request).limiter, 'allowed'),
    onExceeded: (request) => decisions.count(limitFor(request).limiter, 'limited'),
    errorResponseBuilder: (request, context) =>
      new AppError(
        commonErrors.RATE_LIMITED,
        `${context.max} requests in 15 minutes are the limit; the next is welcome in ${context.after}`,
        { members: { limit: limitFor(request).max } },
      ),
  });
}
