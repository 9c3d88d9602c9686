import { runnerSetting, type TestScope } from './scope.ts';
import { uniqueName } from './unique.ts';

/** Where to find Redis, and the prefix under which this test keeps its keys. */
export interface TestRedis {
  url: string;
  prefix: string;
}

async function deleteKeys(url: string, prefix: string): Promise<void> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(url);
  try {
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) {
      if (Array.isArray(keys) && keys.length > 0) await redis.unlink(...keys.map(String));
    }
  } finally {
    redis.disconnect();
  }
}

/** A key prefix on the run's Redis server; its keys are deleted with the scope. */
export function testRedis(t: TestScope): TestRedis {
  const url = runnerSetting('TEST_REDIS_URL');
  const prefix = `${uniqueName('t')}:`;
  t.teardown(() => deleteKeys(url, prefix));
  return { url, prefix };
}
