import t from 'tap';
import { z } from 'zod';
import { listMeta, listText } from './answers.ts';
import { dateRangeQuery, resolveDateRange, withOrderedDates } from './date-range.ts';
import { AppError } from './errors.ts';
import { decodeCursor, encodeCursor, pageQuery, sortOrder } from './page-query.ts';
import { startOfDay } from './start-of-day.ts';

const query = z.strictObject(pageQuery({ sort: ['createdAt', 'amount'], defaultSort: '-createdAt' }));

await t.test('a page is 1, 20 long and newest first unless asked otherwise', async (t) => {
  t.same(query.parse({}), { page: 1, limit: 20, sort: '-createdAt' });
  t.same(query.parse({ page: '3', limit: '100', sort: 'amount', count: 'exact' }), {
    page: 3,
    limit: 100,
    sort: 'amount',
    count: 'exact',
  });
  t.same(sortOrder('-amount'), { field: 'amount', descending: true });
  t.same(sortOrder('amount'), { field: 'amount', descending: false });
});

await t.test('a page that is no number in range is refused', async (t) => {
  for (const page of ['', '0', '-1', '1.5', '1e2', '0x1', ' 1', 'x', '99999999999999999999', ['1', '2']]) {
    t.notOk(query.safeParse({ page }).success, JSON.stringify(page));
  }
  for (const wrong of [
    { limit: '101' },
    { limit: '0' },
    { sort: 'password' },
    { count: 'yes' },
    { cursor: '' },
  ]) {
    t.notOk(query.safeParse(wrong).success, JSON.stringify(wrong));
  }
});

await t.test('a cursor comes back as it was made, and anything else is a 400', async (t) => {
  const position = z.tuple([z.iso.datetime(), z.uuid()]);
  const value = ['2026-01-01T00:00:00Z', '0190e0a0-0000-7000-8000-000000000000'] as [string, string];
  t.same(decodeCursor(position, encodeCursor(value)), value);
  for (const cursor of ['x', encodeCursor(['2026', 1]), encodeCursor(null), 'e30', '%']) {
    t.throws(() => decodeCursor(position, cursor), AppError);
  }
});

await t.test('totals are exact up to 10,000, or as far as asked', async (t) => {
  t.same(listMeta({ counted: 41, page: 1, limit: 20 }), { total: 41, page: 1, limit: 20, totalPages: 3 });
  t.same(listMeta({ counted: 10_000, page: 1, limit: 20 }).totalCapped, undefined);
  t.match(listMeta({ counted: 10_001, page: 1, limit: 20, nextCursor: 'x' }), {
    total: 10_000,
    totalCapped: true,
    nextCursor: 'x',
  });
  t.match(listMeta({ counted: 12_345, exact: true, page: 1, limit: 20 }), { total: 12_345 });
  t.same(JSON.parse(listText('[1]', listMeta({ counted: 1, page: 1, limit: 20 }))), {
    success: true,
    data: [1],
    meta: { total: 1, page: 1, limit: 20, totalPages: 1 },
  });
});

await t.test('a day begins at midnight of the reporting time zone, whatever its clocks do', async (t) => {
  const cases = [
    ['2026-03-29', 'UTC', '2026-03-29T00:00:00.000Z'],
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
    ['2026-03-30', 'Europe/Berlin', '2026-03-29T22:00:00.000Z'],
    ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z'],
    ['2026-10-26', 'Europe/Berlin', '2026-10-25T23:00:00.000Z'],
    ['2026-03-08', 'America/New_York', '2026-03-08T05:00:00.000Z'],
    ['2026-03-09', 'America/New_York', '2026-03-09T04:00:00.000Z'],
    ['2026-07-01', 'Asia/Kolkata', '2026-06-30T18:30:00.000Z'],
    // Clocks jump from 00:00 to 01:00: the day begins with the jump.
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z'],
    ['2026-03-08', 'America/Havana', '2026-03-08T05:00:00.000Z'],
    // Clocks go back from 01:00 to 00:00: midnight comes twice, and the first counts.
    ['2026-11-01', 'America/Havana', '2026-11-01T04:00:00.000Z'],
  ] as const;
  for (const [date, timeZone, expected] of cases) {
    t.equal(startOfDay(date, timeZone).toISOString(), expected, `${date} ${timeZone}`);
  }
});

await t.test('a date range', async (t) => {
  const schema = z.strictObject(dateRangeQuery());
  const options = { timeZone: 'Europe/Berlin', now: new Date('2026-07-31T12:00:00Z') };

  await t.test('takes dates and date-times with an offset, and nothing else', async (t) => {
    for (const dateFrom of ['2026-02-28', '2026-02-28T10:00:00Z', '2026-02-28T10:00:00.5+02:00']) {
      t.ok(schema.safeParse({ dateFrom }).success, dateFrom);
    }
    for (const dateFrom of [
      '2026-02-30',
      '2026-2-1',
      '2026-02-28T10:00:00',
      'yesterday',
      '',
      '0000-01-01',
      '1',
    ]) {
      t.notOk(schema.safeParse({ dateFrom }).success, dateFrom);
    }
  });

  await t.test('is the last 30 days unless said otherwise', async (t) => {
    t.same(resolveDateRange({}, options), { from: new Date('2026-07-01T12:00:00Z'), to: options.now });
  });

  await t.test('means midnight by a bare date, and refuses to be reversed', async (t) => {
    t.same(resolveDateRange({ dateFrom: '2026-07-01', dateTo: '2026-07-02T00:00:00Z' }, options), {
      from: new Date('2026-06-30T22:00:00Z'),
      to: new Date('2026-07-02T00:00:00Z'),
    });
    t.throws(() => resolveDateRange({ dateFrom: '2026-07-02', dateTo: '2026-07-01' }, options), AppError);
    t.throws(() => resolveDateRange({ dateFrom: '2026-08-02' }, options));
  });

  await t.test(
    'names a reversed range beside what else is wrong, where no time zone decides it',
    async (t) => {
      const query = withOrderedDates(z.strictObject({ ...dateRangeQuery(), limit: z.string() }));
      const wrong = (fields: object): string[] =>
        (query.safeParse(fields).error?.issues ?? []).map(({ path }) => path.join('.'));
      t.same(wrong({ dateFrom: '2026-07-02', dateTo: '2026-07-01' }), ['limit', 'dateFrom']);
      const moments = { dateFrom: '2026-07-01T10:00:00Z', dateTo: '2026-07-01T11:00:00+02:00' };
      t.same(wrong({ ...moments, limit: '1' }), ['dateFrom']);
      t.same(wrong({ dateFrom: '2026-07-02', dateTo: '2026-07-01T23:00:00Z', limit: '1' }), []);
      t.same(wrong({ dateFrom: 'later', dateTo: '2026-07-01', limit: '1' }), ['dateFrom']);
      t.same(wrong({ dateFrom: '2026-07-01', dateTo: '2026-07-01', limit: '1' }), []);
    },
  );
});
