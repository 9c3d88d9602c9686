import { Redis } from 'ioredis';

/**
 * A Redis client for work that can go on without Redis: commands fail at once while it is away; it reconnects for ever.
 */
export function connectRedis(url: string, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, {
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
