import t from 'tap';
import { assertSupportedServer } from './server-version.ts';

t.test('a server older than 18 is refused in one sentence that names its version', async (t) => {
  const sentence =
    'Tributary needs PostgreSQL 18 or later, but the server at DATABASE_URL is PostgreSQL 15.14.';
  t.throws(() => assertSupportedServer(150_014, '15.14'), { message: sentence });
  t.throws(() => assertSupportedServer(170_009, '17.9'), /17\.9/);
});

t.test('18 and what comes after it are accepted', async (t) => {
  t.doesNotThrow(() => assertSupportedServer(180_000, '18.0'));
  t.doesNotThrow(() => assertSupportedServer(190_001, '19.1'));
});
