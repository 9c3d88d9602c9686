import { insertCommission, insertPartner, insertPolicy } from '@tributary/testkit';
import t from 'tap';
import { startOperations } from './harness.ts';

const { db, call, user } = await startOperations(t);

const DAY_MS = 86_400_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS);

const [anna, ben] = [await insertPartner(db), await insertPartner(db)];
const policy = await insertPolicy(db);

await Promise.all(
  Array.from({ length: 60 }, (_, i) => {
    const status = (['pending', 'confirmed', 'paid', 'cancelled'] as const)[i % 4] ?? 'pending';
    const kind = i % 20 === 1 ? 'bonus' : 'earning';
    return insertCommission(db, {
      partnerId: i % 3 === 0 ? anna.id : ben.id,
      ...(i % 2 === 0 ? { policyId: policy.id, policyVersion: 1 } : {}),
      status,
      kind,
      commissionAmount: `${(i % 10) + 1}.00`,
      createdAt: daysAgo(i % 45),
      orderId: `Order_${i}%`,
      referralCode: i === 7 ? 'SUMMER-24' : `CODE${i}`,
      metadata: { decision: { summary: 'long' }, source: i },
    });
  }),
);

interface Expected {
  where: string;
  order?: string;
}

async function expected({ where, order = 'created_at DESC, id DESC' }: Expected): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `SELECT id FROM commissions c WHERE ${where} ORDER BY ${order}`,
  );
  return rows.map(({ id }) => id);
}

const LAST_30 = `created_at >= now() - interval '30 days'`;
const ALL = 'dateFrom=2020-01-01';

async function listed(query: string): Promise<string[]> {
  const answer = await call('GET', `/operations/commissions?limit=100&${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body.data.map(({ id }: { id: string }) => id);
}

t.test('every filter lists what SQL finds', async (t) => {
  const cases: Record<string, string> = {
    [ALL]: 'TRUE',
    '': LAST_30,
    [`partnerId=${anna.id}&${ALL}`]: `partner_id = '${anna.id}'`,
    [`policyId=${policy.id}&${ALL}`]: `policy_id = '${policy.id}'`,
    [`status=paid&${ALL}`]: `status = 'paid'`,
    [`kind=bonus&${ALL}`]: `kind = 'bonus'`,
    [`kind=earning&status=pending&partnerId=${ben.id}`]: `kind = 'earning' AND status = 'pending' AND partner_id = '${ben.id}' AND ${LAST_30}`,
    [`minAmount=3&maxAmount=5&${ALL}`]: 'commission_amount BETWEEN 3 AND 5',
    [`dateField=confirmed&${ALL}`]: 'confirmed_at IS NOT NULL',
    'dateField=paid': `paid_at >= now() - interval '30 days'`,
    [`search=SUMMER&${ALL}`]: `referral_code = 'SUMMER-24'`,
    [`search=order_1&${ALL}`]: `order_id LIKE 'Order\\_1%'`,
    [`search=9%25&${ALL}`.replace('9%25', '_9%25')]: `order_id = 'Order_9%'`,
    [`search=%25%25%25&${ALL}`]: 'FALSE',
    [`search=Or_er&${ALL}`]: 'FALSE',
  };
  for (const [query, where] of Object.entries(cases))
    t.same(await listed(query), await expected({ where }), query);
});

t.test(
  'dates are inclusive at the start, exclusive at the end, and midnights of the reporting time zone',
  async (t) => {
    const at = new Date('2026-02-01T23:30:00Z');
    const { id } = await insertCommission(db, { createdAt: at });
    t.same(await listed(`dateFrom=2026-02-01T23:30:00Z&dateTo=2026-02-01T23:30:00.001Z`), [id]);
    t.same(await listed(`dateFrom=2026-02-01T23:29:00Z&dateTo=2026-02-01T23:30:00Z`), []);
    t.same(await listed('dateFrom=2026-02-02&dateTo=2026-02-03'), []);
    await call('PATCH', '/settings', { body: { reportingTimeZone: 'Europe/Berlin' } });
    t.same(await listed('dateFrom=2026-02-02&dateTo=2026-02-03'), [id]);
    await call('PATCH', '/settings', { body: { reportingTimeZone: 'UTC' } });
    t.equal((await call('GET', '/operations/commissions?dateFrom=2026-02-02&dateTo=2026-02-01')).status, 400);
  },
);

t.test('pages and cursors in every order show each row once, in the order of SQL', async (t) => {
  const orders = {
    '-createdAt': 'created_at DESC, id DESC',
    createdAt: 'created_at, id',
    '-commissionAmount': 'commission_amount DESC, id DESC',
    commissionAmount: 'commission_amount, id',
    '-paidAt': 'paid_at DESC, id DESC',
    confirmedAt: 'confirmed_at, id',
  };
  for (const [sort, order] of Object.entries(orders)) {
    const where = sort.includes('paidAt')
      ? 'paid_at IS NOT NULL'
      : sort.includes('confirmedAt')
        ? 'confirmed_at IS NOT NULL'
        : 'TRUE';
    const all = await expected({ where, order });
    const byPage: string[] = [];
    const byCursor: string[] = [];
    let cursor = '';
    for (let page = 1; page <= Math.ceil(all.length / 7); page += 1) {
      const url = `/operations/commissions?${ALL}&limit=7&sort=${sort}`;
      const paged = (await call('GET', `${url}&page=${page}`)).body;
      byPage.push(...paged.data.map(({ id }: { id: string }) => id));
      t.match(paged.meta, { total: all.length, page, limit: 7, totalPages: Math.ceil(all.length / 7) });
      const read = (await call('GET', `${url}${cursor}`)).body;
      byCursor.push(...read.data.map(({ id }: { id: string }) => id));
      t.match(read.meta, { total: all.length, page });
      cursor = `&cursor=${read.meta.nextCursor}`;
    }
    t.equal(cursor, '&cursor=undefined', `${sort} ends`);
    t.same(byPage, all, sort);
    t.same(byCursor, all, sort);
  }
});

t.test('a page read over and over shows every change at once', async (t) => {
  const partner = await insertPartner(db);
  const rows = [];
  for (let i = 0; i < 3; i += 1)
    rows.push(await insertCommission(db, { partnerId: partner.id, createdAt: daysAgo(i) }));
  const changed = rows[1]?.id ?? '';
  const url = `/operations/commissions?partnerId=${partner.id}`;
  // Often enough for rows to be remembered and not written anew.
  const readOften = async () => {
    const first = (await call('GET', url)).body;
    for (let again = 0; again < 40; again += 1) t.same((await call('GET', url)).body, first);
    return first.data;
  };
  t.same(
    (await readOften()).map(({ id }: { id: string }) => id),
    rows.map(({ id }) => id),
  );
  await call('POST', `/operations/commissions/${changed}/adjust`, {
    body: { newAmount: 77.5, reason: 'a change between two reads' },
  });
  t.match((await call('GET', url)).body.data[1], { id: changed, commissionAmount: 77.5, version: 2 });
  await db.query(`UPDATE commissions SET sub_id = 'by hand' WHERE id = $1`, [changed]);
  t.match((await readOften())[1], { id: changed, subId: 'by hand' });
  await call('POST', `/operations/commissions/${changed}/cancel`, { body: { reason: 'no longer listed' } });
  t.same((await call('GET', `${url}&status=pending`)).body.data.length, 2);
});

t.test('a cursor belongs to one order and one filter', async (t) => {
  const { nextCursor } = (await call('GET', `/operations/commissions?${ALL}&limit=2`)).body.meta;
  for (const query of [`${ALL}&sort=createdAt`, `${ALL}&status=paid`, 'limit=2']) {
    const answer = await call('GET', `/operations/commissions?${query}&cursor=${nextCursor}`);
    t.match(answer, { status: 400, body: { errors: [{ path: 'cursor' }] } }, query);
  }
  t.equal((await call('GET', `/operations/commissions?cursor=nonsense`)).status, 400);
});

t.test('an unknown or wrong query field is named', async (t) => {
  const named = async (url: string): Promise<string[]> => {
    const { status, body } = await call('GET', url);
    t.equal(status, 400, url);
    return body.errors.map(({ path }: { path: string }) => path).sort();
  };
  const all =
    '/operations/commissions?status=lost&limit=101&page=0&search=ab&minAmount=x&sort=name&colour=red&dateFrom=yesterday';
  t.same(await named(all), ['colour', 'dateFrom', 'limit', 'minAmount', 'page', 'search', 'sort', 'status']);
  for (const list of ['/operations/commissions', '/operations/commissions.csv']) {
    const reversed = 'minAmount=5&maxAmount=4&dateFrom=2026-02-01&dateTo=2026-01-01';
    const past = 'sort=commissionAmount&asOf=2026-03-01';
    t.same(await named(`${list}?${reversed}&${past}`), ['dateFrom', 'minAmount', 'sort']);
    t.same(await named(`${list}?${reversed}&${past}&status=lost`), [
      'dateFrom',
      'minAmount',
      'sort',
      'status',
    ]);
    t.same(
      await named(`${list}?dateFrom=2030-01-01&dateTo=soon`),
      ['dateTo'],
      'an end that is wrong ends nothing',
    );
  }
  t.match(await call('GET', '/operations/commissions?minAmount=5&maxAmount=4'), {
    status: 400,
    body: { errors: [{ path: 'minAmount' }] },
  });
});

t.test('lists leave the decision to the detail, which has names and history', async (t) => {
  const row = (
    await call('GET', `/operations/commissions?${ALL}&partnerId=${anna.id}&policyId=${policy.id}&limit=1`)
  ).body.data[0];
  t.notOk(row.metadata.decision);
  const detail = await call('GET', `/operations/commissions/${row.id}`);
  t.equal(detail.headers['etag'], '"1"');
  t.match(detail.body.data, {
    ...row,
    partner: { id: anna.id, name: anna.name },
    policy: { code: policy.code },
    product: { id: row.productId },
    decision: { summary: 'long' },
    history: [{ version: 1, action: 'created', statusBefore: null }],
  });
  t.match(await call('GET', `/operations/commissions/${user.id}`), {
    status: 404,
    body: { code: 'COMMISSION_NOT_FOUND' },
  });
});

const lines = (text: string) => text.trimEnd().split('\r\n');

t.test('the export has a header and every row of the filter, in its order', async (t) => {
  const answer = await call('GET', `/operations/commissions.csv?${ALL}&status=pending`);
  t.match(answer, {
    status: 200,
    headers: { 'content-type': /text\/csv/, 'content-disposition': /attachment/ },
  });
  const [header, ...rows] = lines(answer.text);
  t.match(header, /^id,kind,status,partnerId,partnerName,/);
  t.same(
    rows.map((row) => row.split(',')[0]),
    await expected({ where: `status = 'pending'` }),
  );
});

t.test('an interrupted export goes on from a cursor of the list or the last row that came', async (t) => {
  const all = lines((await call('GET', `/operations/commissions.csv?${ALL}`)).text).slice(1);
  const last = all[9]?.split(',')[0];
  const resumed = await call('GET', `/operations/commissions.csv?${ALL}&cursor=${last}`);
  t.same(lines(resumed.text).slice(1), all.slice(10));
  const { nextCursor } = (await call('GET', `/operations/commissions?${ALL}&limit=10`)).body.meta;
  t.same(
    lines((await call('GET', `/operations/commissions.csv?${ALL}&cursor=${nextCursor}`)).text).slice(1),
    all.slice(10),
  );
  t.match(await call('GET', `/operations/commissions.csv?cursor=${user.id}`), {
    status: 400,
    body: { errors: [{ path: 'cursor' }] },
  });
});

t.test('nothing that a shop or partner chose becomes a formula in a spreadsheet', async (t) => {
  const evil = await insertPartner(db, { name: '=HYPERLINK("http://evil.example","a")' });
  await insertCommission(db, {
    partnerId: evil.id,
    orderId: '+1\n2',
    referralCode: '@SUM(A1)',
    subId: '-2+3',
    commissionAmount: '4.00',
  });
  const clawback = await insertCommission(db, {
    partnerId: evil.id,
    kind: 'clawback',
    commissionAmount: '-4.00',
    status: 'confirmed',
    originalCommissionId:
      (await db.query<{ id: string }>('SELECT id FROM commissions WHERE partner_id = $1', [evil.id]))[0]
        ?.id ?? '',
  });
  const { text } = await call('GET', `/operations/commissions.csv?partnerId=${evil.id}`);
  t.match(text, `"'=HYPERLINK(""http://evil.example"",""a"")"`);
  t.match(text, `"'+1\n2","'`.slice(0, 8));
  t.match(text, `'@SUM(A1)`);
  t.match(text, `'-2+3`);
  t.ok(
    lines(text)
      .find((row) => row.startsWith(clawback.id))
      ?.includes(',-4.00,'),
    'a negative amount stays a number',
  );
  t.notMatch(text, /(^|,|")[=+@]/m);
});

t.test('an export of any size comes in batches', async (t) => {
  const partner = await insertPartner(db);
  await db.query(
    `INSERT INTO commissions (id, program_id, kind, partner_id, status, commission_amount, order_amount, basis_amount, basis_left, currency, confirmed_at)
     SELECT uuidv7(), 'default', 'bonus', $1::uuid, 'confirmed', 1, 0, 1, 0, 'USD', now() FROM generate_series(1, 12001)`,
    [partner.id],
  );
  const { text } = await call('GET', `/operations/commissions.csv?partnerId=${partner.id}`);
  t.equal(lines(text).length, 12_002);
  t.equal(new Set(lines(text)).size, 12_002);
  const capped = (await call('GET', `/operations/commissions?partnerId=${partner.id}&limit=1`)).body.meta;
  t.match(capped, { total: 10_000, totalCapped: true });
  const exact = (await call('GET', `/operations/commissions?partnerId=${partner.id}&limit=1&count=exact`))
    .body.meta;
  t.match(exact, { total: 12_001 });
  t.notOk(exact.totalCapped);
});
