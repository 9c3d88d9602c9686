import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';
import { constraintName, sqlState } from '../src/index.ts';
import type { QueryParam } from '../src/index.ts';

const { db } = await createTestDatabase(t);

async function echo(type: string, value: QueryParam): Promise<unknown> {
  const [row] = await db.query<{ value: unknown }>(`select $1::${type} as value`, [value]);
  return row?.value;
}

t.test(
  'columns come camelCase, exact numbers as text, moments as Date, and keys inside jsonb as they are',
  async (t) => {
    const rows = await db.query(
      `select 1234567890123.45::numeric as commission_amount, 9007199254740993 as big_count, 7::int as small_count,
       '2026-01-31T10:00:00.123Z'::timestamptz as created_at, '2026-01-31'::date as day,
       '{"snake_key": {"inner_key": 1}}'::jsonb as meta_data, null::text as no_value, true as is_primary`,
    );
    t.same(rows, [
      {
        commissionAmount: '1234567890123.45',
        bigCount: '9007199254740993',
        smallCount: 7,
        createdAt: new Date('2026-01-31T10:00:00.123Z'),
        day: '2026-01-31',
        metaData: { snake_key: { inner_key: 1 } },
        noValue: null,
        isPrimary: true,
      },
    ]);
  },
);

t.test('a jsonb parameter is serialised once, whatever its shape', async (t) => {
  const values: QueryParam[] = [
    { type: 'commission.adjusted', value: 'a "quoted" \\ text', nested: { list: [1, null, true] } },
    [{ type: 'x' }, [1, 2], 'text', null, true],
    [],
    [true, false],
    'plain text',
    '{"not": "parsed twice"}',
    42.5,
    false,
    { text: 'Grüße 日本語 🎉 \u2028' },
  ];
  for (const value of values) t.same(await echo('jsonb', value), value);
  t.equal(await echo('jsonb', null), null);
});

t.test('arrays of every type that statements use arrive in order, nulls included', async (t) => {
  const at = new Date('2026-05-01T00:00:00.007Z');
  const params = [
    ['018f0000-0000-7000-8000-000000000001', null],
    ['a,b', 'say "hi" {\\} NULL'],
    ['12.30', '-0.01'],
    [at, null],
    [{ type: 'click.recorded', value: { deep: ['"', '\\'] } }, [1, 'two', null]],
    [true, false],
    [1, 2],
    ['9007199254740993', 5n],
  ];
  const rows = await db.query(
    `select * from unnest($1::uuid[], $2::text[], $3::numeric[], $4::timestamptz[], $5::jsonb[], $6::boolean[], $7::int[], $8::int8[])
     as row (id, label, amount, at, data, flag, small, big)`,
    params,
  );
  t.same(rows, [
    {
      id: params[0]?.[0],
      label: 'a,b',
      amount: '12.30',
      at,
      data: params[4]?.[0],
      flag: true,
      small: 1,
      big: '9007199254740993',
    },
    {
      id: null,
      label: params[1]?.[1],
      amount: '-0.01',
      at: null,
      data: [1, 'two', null],
      flag: false,
      small: 2,
      big: '5',
    },
  ]);
});

t.test('arrays come back as they went', async (t) => {
  const arrays: [string, QueryParam[]][] = [
    ['text[]', ['', 'NULL', 'a b', 'c,d', '"', '\\', '{}', 'line\nbreak', 'ü']],
    ['text[]', []],
    ['numeric[]', ['1.50', '2.00']],
    ['timestamptz[]', [new Date('2026-01-01T00:00:00.001Z')]],
    ['jsonb[]', [{ type: 'a' }, [1], null]],
    ['uuid[]', ['018f0000-0000-7000-8000-000000000001']],
    ['boolean[]', [true, false, null]],
  ];
  for (const [type, value] of arrays) t.same(await echo(type, value), value, type);
});

t.test('microseconds survive as text, and one statement serves dates and nulls alike', async (t) => {
  const text = '2026-01-31 10:00:00.123456+00';
  const [row] = await db.query<{ same: boolean }>(`select $1::timestamptz = '${text}'::timestamptz as same`, [
    text,
  ]);
  t.equal(row?.same, true);
  t.equal(await echo('timestamptz', null), null);
  t.same(await echo('timestamptz', new Date(5)), new Date(5));
});

t.test('what Postgres or JSON cannot hold is a clean error, and the connection goes on', async (t) => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const refused: [string, QueryParam, string | undefined][] = [
    ['text', 'nul \u0000', '22021'],
    ['jsonb', { nul: '\u0000' }, '22P05'],
    ['jsonb', { half: '\ud800' }, '22P02'],
    ['uuid', 'no uuid', '22P02'],
    ['numeric', 'NaN?', '22P02'],
    ['jsonb', circular, undefined],
    ['timestamptz', new Date(Number.NaN), undefined],
    ['text[]', 'no array', undefined],
    ['text', undefined as unknown as null, undefined],
  ];
  for (const [type, value, state] of refused) {
    for (const attempt of ['first', 'prepared']) {
      const error = await echo(type, value).then(
        () => t.fail(`${type} was accepted`),
        (reason: unknown) => reason,
      );
      t.ok(error instanceof Error);
      t.equal(sqlState(error), state, `${type}, ${attempt}`);
    }
  }
  t.equal(await echo('int', 1), 1);
  t.equal(db.inFlight, 0);
});

t.test('a violated constraint is known by SQLSTATE and name', async (t) => {
  const insert = `insert into leases (name, holder, token, expires_at) values ('once', 'me', 1, now())`;
  await db.query(insert);
  const error: unknown = await db.query(insert).catch((reason: unknown) => reason);
  t.equal(sqlState(error), '23505');
  t.equal(constraintName(error), 'leases_pkey');
  t.equal(sqlState(new Error('23505')), undefined);
});

t.test('several statements in one call are refused', async (t) => {
  const error: unknown = await db.query('select 1; select 2').catch((reason: unknown) => reason);
  t.equal(sqlState(error), '42601');
});
