import { ConfigError, loadConfig } from '@tributary/runtime';
import t from 'tap';
import { configSchema } from './config.ts';

const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64');

const environment = {
  PORT: '0',
  DATABASE_URL: 'postgres://localhost/tributary',
  REDIS_URL: 'redis://localhost',
  NATS_URL: 'nats://localhost',
  IDENTITY_SECRET: 'i'.repeat(32),
};

t.test('encryption keys are a list, of which each has to be a key, and one has to be there', async (t) => {
  const keysIn = (text: string) =>
    loadConfig(configSchema, { ...environment, WEBHOOK_ENCRYPTION_KEYS: text }).WEBHOOK_ENCRYPTION_KEYS;
  t.same(keysIn(key(1)), [key(1)]);
  t.same(keysIn(`${key(2)}, ${key(1)}`), [key(2), key(1)]);
  for (const wrong of ['', ',', `${key(1)},short`, `${key(1)}${key(2)}`]) {
    t.throws(() => keysIn(wrong), ConfigError, wrong);
  }
  t.throws(() => loadConfig(configSchema, environment), /WEBHOOK_ENCRYPTION_KEYS is missing/);
});
