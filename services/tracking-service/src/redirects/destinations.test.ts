import t from 'tap';
import { createDestinations, withClick } from './destinations.ts';

const destinations = createDestinations([
  'https://shop.example',
  'https://www.shop.example:8443',
  'http://dev.shop.example',
]);
const HOME = 'https://shop.example/';

const HOSTILE = [
  '',
  ' ',
  'evil.example',
  '//evil.example',
  '///evil.example',
  '////evil.example//..',
  '/\\evil.example',
  '\\\\evil.example',
  '\\/\\/evil.example',
  '/',
  '/path',
  '../..',
  '?x',
  '#x',
  'https:evil.example',
  'https:/evil.example',
  'https:///evil.example',
  'https:\\\\evil.example',
  'https://evil.example',
  'http://shop.example',
  'HTTPS://EVIL.EXAMPLE',
  'https://shop.example.evil.example',
  'https://evil.example/shop.example',
  'https://evil.example?https://shop.example',
  'https://evil.example#https://shop.example',
  'https://evil.example\\@shop.example',
  'https://shop.example@evil.example',
  'https://shop.example:pw@evil.example/',
  'https://shop.example%40evil.example',
  'https://shop.example%2eevil.example',
  'https://shop.example\\.evil.example',
  'https://evil.example%23.shop.example',
  'https://shop.example:444/',
  'https://notshop.example',
  'https://shopXexample',
  'https://shop.example.',
  'https://sh\u043Ep.example',
  'https://shop.example\u3002evil.example',
  '\tjava\nscript:alert(1)',
  'javascript:alert(1)//https://shop.example',
  'data:text/html,https://shop.example',
  'vbscript:msgbox',
  'file:///etc/passwd',
  'ftp://shop.example/',
  'blob:https://shop.example/x',
  'BLOB:https://shop.example/x',
  'blob:http://dev.shop.example/x',
  'filesystem:https://shop.example/x',
  'view-source:https://shop.example',
  'https://[::1]/',
  'https://127.0.0.1',
  'https://0x7f.1',
  'https://shop.example:99999',
  `https://shop.example/${'a'.repeat(3_000)}`,
  '\u0000https://evil.example',
  '%68ttps://evil.example',
];

t.test('whatever the text says, a link leads to an allowed origin', async (t) => {
  t.ok(HOSTILE.length >= 40);
  for (const payload of HOSTILE) t.ok(destinations.resolve(payload).href.startsWith(HOME), payload);
  // Nor may anything outlive the parsing: what is sent is parsed again by the browser.
  for (const payload of HOSTILE)
    t.equal(
      URL.parse(withClick(destinations.resolve(payload), { id: '1', code: 'x' }))?.origin,
      'https://shop.example',
    );
});

t.test('browsers correct some spellings of an allowed address, and so do we', async (t) => {
  const same: [string, string][] = [
    ['https://shop.example/a?b=c#d', 'https://shop.example/a?b=c#d'],
    ['HTTPS://Shop.Example/a', 'https://shop.example/a'],
    ['https:\\\\shop.example\\a', 'https://shop.example/a'],
    ['https://shop.example:443/a', 'https://shop.example/a'],
    ['https://user:pw@shop.example/a', 'https://shop.example/a'],
    ['  https://shop.exa\nmple/a', 'https://shop.example/a'],
    ['https://www.shop.example:8443/', 'https://www.shop.example:8443/'],
    ['http://dev.shop.example/x/../y', 'http://dev.shop.example/y'],
  ];
  for (const [asked, resolved] of same) t.equal(destinations.resolve(asked).href, resolved, asked);
  t.equal(destinations.resolve(undefined).href, HOME);
});

t.test('the click and the code are added, once, and the query of the shop stays as it is', async (t) => {
  const click = { id: '0198', code: 'SUMMER24' };
  const added: [string, string][] = [
    ['https://shop.example/', 'https://shop.example/?click_id=0198&ref=SUMMER24'],
    [
      'https://shop.example/a?q=two%20words&r=a+b#f',
      'https://shop.example/a?q=two%20words&r=a+b&click_id=0198&ref=SUMMER24#f',
    ],
    [
      'https://shop.example/?click_id=other&ref=x&q=1',
      'https://shop.example/?q=1&click_id=0198&ref=SUMMER24',
    ],
  ];
  for (const [destination, result] of added) t.equal(withClick(new URL(destination), click), result);
});
