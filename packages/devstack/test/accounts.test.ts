import { argon2Sync, createHash, timingSafeEqual } from 'node:crypto';

import { SCOPES } from '@tributary/http-kit';
import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';

import { ensureAccounts } from '../src/demo/ensure-accounts.ts';

const accounts = {
  admin: { email: 'admin@tributary.example', password: 'first password' },
  partner: { email: 'partner@tributary.example', password: 'second password' },
  apiKey: 'tb_live_0123456789abcdef',
};

/** Reads the string form of an argon2id hash, as any verifier does. */
function verifies(hash: string, message: string): boolean {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(hash);
  const [, memory, passes, parallelism, salt = '', tag = ''] = match ?? [];
  const expected = Buffer.from(tag, 'base64');
  const computed = argon2Sync('argon2id', {
    message,
    nonce: Buffer.from(salt, 'base64'),
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: expected.length,
  });
  return timingSafeEqual(expected, computed);
}

t.test('the accounts of stack.json can be used, and a second start changes nothing', async (t) => {
  const { owner } = await createTestDatabase(t);
  const partnerId = await ensureAccounts(owner, accounts);
  const users = await owner.query<{ role: string; partnerId: string | null; passwordHash: string }>(
    'SELECT role, partner_id, password_hash FROM users ORDER BY email',
  );
  t.match(users, [
    { role: 'super_admin', partnerId: null },
    { role: 'partner', partnerId },
  ]);
  t.ok(verifies(users[0]?.passwordHash ?? '', accounts.admin.password));
  t.ok(verifies(users[1]?.passwordHash ?? '', accounts.partner.password));
  const keys = await owner.query('SELECT prefix, key_hash, scopes FROM api_keys');
  const keyHash = createHash('sha256').update(accounts.apiKey).digest('hex');
  t.same(keys, [{ prefix: 'tb_live_0123', keyHash, scopes: [...SCOPES] }]);

  t.equal(await ensureAccounts(owner, accounts), partnerId);
  const again = await owner.query('SELECT role, partner_id, password_hash FROM users ORDER BY email');
  t.same(again, users);
  t.same(await owner.query('SELECT code FROM referral_codes'), [{ code: 'HARBOUR' }]);
});
