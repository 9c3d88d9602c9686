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

/** How long a request waits for Redis at most; the local bucket then answers, within the promised 200 ms. */
const ANSWER_TIMEOUT_MS = 120;

/**
 * Settles with the answer, or rejects after the time-out. When the time is up, what has arrived already is read first: it
 * may be this process that was slow, and not Redis.
 */
function inTime<T>(answer: Promise<T>, answerMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error(`Redis did not answer within ${answerMs} ms`));
    const timer = setTimeout(() => setImmediate(giveUp), answerMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * Counters in Redis. The client must have no offline queue (see `connectRedis`), so that a server that is away costs
 * no time, and one that is frozen a bounded one.
 */
export function createRedisCounter(
  redis: Redis,
  prefix: string,
  answerMs = ANSWER_TIMEOUT_MS,
): SharedCounter {
  return {
    async add(key, amount, windowMs) {
      const added = redis.call('EVAL', ADD, 1, prefix + key, amount, windowMs);
      const answer: unknown = await inTime(added, answerMs);
      if (!Array.isArray(answer)) throw new Error('Redis gave an answer that is no counter');
      return { total: Number(answer[0]), ttlMs: Number(answer[1]) };
    },
    async clear(key) {
      await inTime(redis.del(prefix + key), answerMs);
    },
  };
}
