import type { Redis } from 'ioredis';

/** Where a key's counter stands after an addition, and how long its window still lasts. */
export interface Count {
  readonly total: number;
  readonly ttlMs: number;
}

/** A counter shared by all gateways. */
export interface SharedCounter {
  /** Adds to a key's counter; the first addition opens its window. Throws when Redis does not answer in time. */
  add(key: string, amount: number, windowMs: number): Promise<Count>;
  clear(key: string): Promise<void>;
}

/** A key without an expiry can only come from a half-done first addition: it gets its window then. */
const ADD = `
local total = redis.call('INCRBY', KEYS[1], ARGV[1])
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  ttl = tonumber(ARGV[2])
end
return { total, ttl }
`;

/**
 * Counters in Redis. The client must be given `commandTimeout` and no offline queue (see `connectRedis`), so that a
 * server that is away or frozen costs a bounded time.
 */
export function createRedisCounter(redis: Redis, prefix: string): SharedCounter {
  return {
    async add(key, amount, windowMs) {
      const answer: unknown = await redis.call('EVAL', ADD, 1, prefix + key, amount, windowMs);
      if (!Array.isArray(answer)) throw new Error('Redis gave an answer that is no counter');
      return { total: Number(answer[0]), ttlMs: Number(answer[1]) };
    },
    async clear(key) {
      await redis.del(prefix + key);
    },
  };
}
