import * as fc from 'fast-check';
import t from 'tap';
import { DEVELOPMENT_URLS, FORBIDDEN_URLS } from '../../test/forbidden-urls.ts';
import { checkUrl } from './check-url.ts';
import { classifyAddress, isAllowedAddress } from './classify-address.ts';

t.test('no forbidden spelling is let through, in development either', async (t) => {
  t.ok(FORBIDDEN_URLS.length >= 60);
  for (const allowLoopback of [false, true]) {
    for (const url of FORBIDDEN_URLS) t.equal(checkUrl(url, { allowLoopback }).outcome, 'refused', url);
  }
});

t.test('this machine and plain http are let through only where the setting says so', async (t) => {
  for (const url of DEVELOPMENT_URLS) {
    t.equal(checkUrl(url, { allowLoopback: false }).outcome, 'refused', url);
    t.equal(checkUrl(url, { allowLoopback: true }).outcome, 'allowed', url);
  }
});

t.test('public hosts are let through', async (t) => {
  const urls = [
    'https://partner.example/hooks?x=1',
    'https://partner.example:8443/',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'https://xn--bcher-kva.example/',
  ];
  for (const url of urls) t.equal(checkUrl(url, { allowLoopback: false }).outcome, 'allowed', url);
});

t.test('an IPv4 address hidden in any IPv6 notation is never public', async (t) => {
  const byte = fc.integer({ min: 0, max: 255 });
  const prefixes = ['::ffff:', '::', '64:ff9b::', '64:ff9b:1::', '::ffff:0:'];
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.tuple(byte, byte, byte, byte), fc.constantFrom(...prefixes), (parts, prefix) => {
        return classifyAddress(`${prefix}${parts.join('.')}`) !== 'public';
      }),
    ),
  );
});

t.test('outside 2000::/3 no IPv6 address is public', async (t) => {
  const group = fc.integer({ min: 0, max: 0xffff });
  const outside = group.filter((first) => first < 0x2000 || first > 0x3fff);
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(outside, fc.array(group, { minLength: 7, maxLength: 7 }), (first, rest) => {
        const address = [first, ...rest].map((part) => part.toString(16)).join(':');
        return !isAllowedAddress(address, { allowLoopback: false });
      }),
    ),
  );
});

t.test('what is no address is forbidden', async (t) => {
  for (const text of ['', 'partner.example', '1.2.3.4.5', 'fe80::1%eth0', '8.8.8.8%eth0']) {
    t.equal(classifyAddress(text), 'forbidden', text);
  }
});
