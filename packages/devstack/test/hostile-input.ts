/** What stands in for an id or a name in a path, as it is sent. None of it names anything that exists. */
export const HOSTILE_SEGMENTS: readonly string[] = [
  '%00',
  '%',
  '%zz',
  '%E0%A4%A',
  '%ED%A0%80',
  '%F0%9F%92%A3',
  '..%2f..%2fsettings',
  '%252e%252e',
  "1'%20OR%20'1'='1",
  '%3Cscript%3E',
  '-1',
  '99999999999999999999999999',
  '00000000-0000-0000-0000-00000000000g',
  'a'.repeat(400),
  'a'.repeat(4_000),
  '__proto__',
  'null',
];

/** Queries that no route can mean. */
export const HOSTILE_QUERIES: readonly string[] = [
  'page=1&page=2',
  'page=1e309',
  'page=-1',
  'limit=99999999999999999999',
  'limit=0x10',
  'cursor=%00',
  'cursor=eyJ9',
  'cursor=bnVsbA',
  'sort=-createdAt;DROP%20TABLE%20users',
  'sort[$gt]=1',
  'search=%00%00%00',
  'search=%ED%A0%80%ED%A0%80',
  'dateFrom=0000-00-00',
  'dateFrom=%F0%9F%92%A9',
  'dateFrom=275761-01-01',
  'dateFrom=2026-02-30',
  '__proto__=x',
  'constructor[prototype]=1',
  '%00=1',
  '%=%',
  `unknown=${'a'.repeat(3_000)}`,
];

export interface HostileBody {
  readonly type: string;
  readonly bytes: Buffer;
}

const json = (text: string | Buffer): HostileBody => ({
  type: 'application/json',
  bytes: Buffer.from(text),
});

/** Bodies that no route can mean. */
export const HOSTILE_BODIES: readonly HostileBody[] = [
  json(''),
  json('{'),
  json('null'),
  json('[]'),
  json('"text"'),
  json('{"__proto__":{"isAdmin":true}}'),
  json('{"constructor":{"prototype":{"isAdmin":true}}}'),
  json(String.raw`{"reason":"\u0000","name":"\u0000","referralCode":"\u0000"}`),
  json(String.raw`{"reason":"\ud800","name":"\udfff","email":"\ud800@x.example"}`),
  json('{"amount":1e400,"newAmount":-1e400,"orderAmount":1e400}'),
  json('{"amount":99999999999999999999999,"newAmount":0.1e-320,"version":1e30}'),
  json(`{"reason":"${'a'.repeat(200_000)}"}`),
  json('['.repeat(100_000)),
  json(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
  json(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])),
  json(Buffer.from([0, 0, 0, 0])),
  {
    type: 'application/xml',
    bytes: Buffer.from('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'),
  },
  { type: 'application/x-www-form-urlencoded', bytes: Buffer.from('reason=x&reason=y') },
  { type: 'multipart/form-data; boundary=x', bytes: Buffer.from('--x\r\n\r\n') },
  { type: 'application/json; charset=utf-16', bytes: Buffer.from('{}', 'utf16le') },
  { type: '\t;;', bytes: Buffer.from('{}') },
];

/** What an answer must not show: stacks, files, statements, drivers. */
export const LEAKS =
  /\bat [^"]*\.[cm]?[jt]s:\d|node_modules|\/src\/|\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM)\b [^"]*\b(?:FROM|SET|VALUES|WHERE)\b|SQLSTATE|syntax error|invalid input syntax|violates|PostgresError|ECONNREFUSED|ioredis/;
