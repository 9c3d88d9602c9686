import t from 'tap';
import { z } from 'zod';
import {
  ConfigError,
  describeConfig,
  integerSetting,
  listSetting,
  loadConfig,
  processSettings,
  secret,
  setting,
} from './config.ts';

const schema = z.object({
  ...processSettings,
  HASH_PEPPER: secret(z.string().min(8)).optional(),
  LIMIT: integerSetting(1, 10).default(5),
  ORIGINS: listSetting(),
  ALLOW: setting('off'),
});

const complete = {
  PORT: '4001',
  DATABASE_URL: 'postgres://ada:hunter2@db/tributary',
  REDIS_URL: 'redis://:hunter2@redis:6379',
  NATS_URL: 'nats://a:hunter2@n1:4222,nats://b:hunter2@n2:4222',
  IDENTITY_SECRET: 'x'.repeat(32),
};

await t.test('a configuration is read with its defaults, and frozen', async (t) => {
  const config = loadConfig(schema, { ...complete, ORIGINS: 'a, b,,', ALLOW: 'on', HOST: '' });
  t.match(config, {
    PORT: 4001,
    HOST: '127.0.0.1',
    WORKERS: true,
    ALLOW: true,
    LIMIT: 5,
    ORIGINS: ['a', 'b'],
  });
  t.throws(() => Object.assign(config, { PORT: 1 }));
});

await t.test('every fault is named at once, and no value', async (t) => {
  const env = {
    PORT: '',
    DATABASE_URL: 'mysql://hunter2',
    IDENTITY_SECRET: 'hunter2',
    LIMIT: '1e1',
    ALLOW: 'maybe',
  };
  try {
    loadConfig(schema, env);
    t.fail('should have thrown');
  } catch (error) {
    t.type(error, ConfigError);
    if (!(error instanceof ConfigError)) return;
    const named = error.faults.map((fault) => fault.split(/[: ]/)[0]);
    t.same(
      new Set(named),
      new Set(['ALLOW', 'DATABASE_URL', 'IDENTITY_SECRET', 'LIMIT', 'NATS_URL', 'PORT', 'REDIS_URL']),
    );
    t.match(error.message, /PORT is missing/);
    t.notMatch(error.message, /hunter2/);
  }
});

await t.test('numbers are whole and in range', async (t) => {
  for (const PORT of ['x', '1.5', '-1', '65536', '0x10', ' 1', '99999999999999999999']) {
    t.throws(() => loadConfig(schema, { ...complete, PORT }), ConfigError, PORT);
  }
});

await t.test('the boot line is one line without a secret, in settings or in URLs', async (t) => {
  const line = describeConfig(schema, loadConfig(schema, { ...complete, HASH_PEPPER: 'hunter2hunter2' }));
  t.notMatch(line, /hunter2|x{32}|\n/);
  t.match(line, /PORT=4001 .*DATABASE_URL=postgres:\/\/ada:\*\*\*@db\/tributary .*IDENTITY_SECRET=\*\*\*/);
  t.match(line, /NATS_URL=nats:\/\/a:\*\*\*@n1:4222,nats:\/\/b:\*\*\*@n2:4222/);
  t.match(line, /HASH_PEPPER=\*\*\*/);
});
