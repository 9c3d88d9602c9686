import t from 'tap';
import { anonymizeAddress, createNetworkTest } from './addresses.ts';
import { createKeyedHashes } from './keyed-hashes.ts';

t.test('addresses lose their last octet or their last 80 bits', async (t) => {
  const cases: [string, string | null][] = [
    ['203.0.113.77', '203.0.113.0'],
    ['::ffff:203.0.113.77', '203.0.113.0'],
    ['2001:db8:abcd:1234:5678:9abc:def0:1', '2001:db8:abcd::'],
    ['::1', '::'],
    ['unknown', null],
    ['', null],
  ];
  for (const [address, anonymous] of cases) t.equal(anonymizeAddress(address), anonymous, address);
});

t.test('networks hold addresses of their own family', async (t) => {
  const isInternal = createNetworkTest(['10.0.0.0/8', '192.0.2.9', '2001:db8::/32']);
  for (const address of ['10.255.1.2', '192.0.2.9', '::ffff:10.1.1.1', '2001:db8:5::1'])
    t.ok(isInternal(address), address);
  for (const address of ['11.0.0.1', '192.0.2.8', '2001:db9::1', 'x', ''])
    t.notOk(isInternal(address), address);
  t.notOk(createNetworkTest([])('10.0.0.1'));
});

t.test('hashes differ by kind and by pepper, and tell nothing', async (t) => {
  const one = createKeyedHashes('first pepper of the test');
  const two = createKeyedHashes('second pepper of the test');
  const all = [one.visitor('a'), one.fingerprint('a'), one.customer('a'), two.visitor('a'), one.visitor('b')];
  t.equal(new Set(all).size, all.length);
  t.equal(one.visitor('a'), one.visitor('a'));
  t.equal(Buffer.from(one.visitor('a'), 'base64url').length, 32);
});
