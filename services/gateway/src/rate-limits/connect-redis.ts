import { Redis } from 'ioredis';

/** How long a request waits for Redis at most; the local bucket then answers, within the promised 200 ms. */
const COMMAND_TIMEOUT_MS = 120;

/**
 * A Redis client for work that can go on without Redis: commands fail at once while it is away and after 120 ms while
 * it is frozen; it reconnects for ever.
 */
export function connectRedis(url: string, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, {
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 2_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => Math.min(attempt * 50, 1_000),
    keepAlive: 15_000,
  });
  redis.on('error', onError);
  return redis;
}
