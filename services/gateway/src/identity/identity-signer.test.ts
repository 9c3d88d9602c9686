import { deriveIdentityKey, verifyIdentity } from '@tributary/http-kit';
import t from 'tap';
import { createIdentitySigner } from './identity-signer.ts';
import type { Principal } from './principal.ts';

const identitySecret = 'identity-secret-of-the-tests-0123456789';
const caller = { ip: '192.0.2.1', userAgent: 'tests' };
const key: Principal = {
  kind: 'api_key',
  id: 'k1',
  name: 'Shop',
  scopes: ['operations:read'],
  programId: 'default',
};

function signerAt(start: number) {
  let now = start;
  const sign = createIdentitySigner({ identitySecret, clock: () => new Date(now) });
  return { sign, pass: (ms: number) => (now += ms) };
}

function read(header: string, service: string, now: number) {
  return verifyIdentity(header, { service, key: deriveIdentityKey(identitySecret, service) }, now);
}

t.test('a header is used again for two seconds, and then made anew', async (t) => {
  const { sign, pass } = signerAt(1_000_000);
  const first = sign(key, caller, 'a');
  pass(1_999);
  t.equal(sign(key, caller, 'a'), first);
  pass(1);
  const second = sign(key, caller, 'a');
  t.not(second, first);
  t.ok(read(first, 'a', 1_000_000 + 2_000 + 27_000), 'the last request that got it has 28 seconds to arrive');
});

t.test('another service, address, client or principal gets a header of its own', async (t) => {
  const { sign } = signerAt(1_000_000);
  const headers = [
    sign(key, caller, 'a'),
    sign(key, caller, 'b'),
    sign(key, { ...caller, ip: '192.0.2.2' }, 'a'),
    sign(key, { ...caller, userAgent: 'others' }, 'a'),
    sign({ ...key, id: 'k2' }, caller, 'a'),
    sign({ ...key, kind: 'user' }, caller, 'a'),
  ];
  t.equal(new Set(headers).size, headers.length);
  t.match(read(headers[2] ?? '', 'a', 1_000_000), { ip: '192.0.2.2', userAgent: 'tests', id: 'k1' });
});

t.test('a key that was read anew with fewer scopes is signed anew at once', async (t) => {
  const { sign } = signerAt(1_000_000);
  sign(key, caller, 'a');
  t.same(read(sign({ ...key, scopes: [] }, caller, 'a'), 'a', 1_000_000)?.scopes, []);
});
