import { Readable } from 'node:stream';
import type { Identity } from '@tributary/http-kit';
import { identityHeaders } from '@tributary/testkit';
import type { ImportedLine } from '@tributary/schema/tables';
import t from 'tap';
import { openShop } from './shop-under-test.ts';
import { SHOP } from './tracking-under-test.ts';

const { db, tracking, ann, order } = await openShop(t);

async function send(
  contentType: string,
  body: string | Readable,
  { who = SHOP, key }: { readonly who?: Partial<Identity>; readonly key?: string } = {},
) {
  const answer = await tracking.app.inject({
    method: 'POST',
    url: '/tracking/conversions/import',
    headers: {
      ...identityHeaders({ service: 'tracking-service', ...who }),
      'content-type': contentType,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    payload: body,
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
}

const ndjson = (...lines: readonly unknown[]): string => lines.map((line) => JSON.stringify(line)).join('\n');

async function storedLines(importId: string): Promise<ImportedLine[]> {
  const rows = await db.query<{ lines: ImportedLine[] }>(
    'SELECT lines FROM conversion_import_chunks WHERE import_id = $1 ORDER BY chunk',
    [importId],
  );
  return rows.flatMap(({ lines }) => lines);
}

const countChunks = async (): Promise<number> =>
  (await db.query<{ n: number }>('SELECT count(*)::int AS n FROM conversion_import_chunks'))[0]?.n ?? -1;

t.test(
  'a file becomes a job of the caller, and its lines are kept without who the customers are',
  async (t) => {
    const before = tracking.published.length;
    const secret = { customerRef: 'ada@example.com', sessionId: 'cookie-of-ada' };
    const { status, body } = await send(
      'application/x-ndjson; charset=utf-8',
      ndjson(order({ ...secret, referralCode: ann.referralCode }), order({ confirmed: true })),
    );
    t.equal(status, 202);
    t.match(body.data, {
      name: 'import-conversions',
      status: 'queued',
      total: 2,
      actor: 'Shop',
      trigger: 'api',
    });
    const stored = await storedLines(body.data.id);
    t.match(stored, [
      { line: 1, order: { confirmed: false, lines: [{ amount: 100, quantity: 1 }] } },
      { line: 2, order: { confirmed: true } },
    ]);
    t.notMatch(JSON.stringify(stored), /ada@example.com|cookie-of-ada/);
    t.match(JSON.stringify(stored), /customerRefHash.*|sessionHash/);
    t.match(tracking.published.slice(before), [{ type: 'job.queued', data: { jobId: body.data.id } }]);
    const audit = await db.query('SELECT action, actor FROM audit_logs WHERE entity_id = $1', [body.data.id]);
    t.match(audit, [{ action: 'queued', actor: 'Shop' }]);
  },
);

t.test('CSV is read by its header, and a bad line is told of and stops no other', async (t) => {
  const csv = [
    'orderId,sku,orderAmount,currency,confirmed,convertedAt',
    'C-1,LAMP-1,10.50,USD,true,2026-03-01T10:00:00Z',
    'C-2,LAMP-1,ten,USD,true,',
    'C-3,LAMP-1,10.555,USD,true,',
    'C-4,LAMP-1',
    '"C-5,LAMP-1,1,USD,true,',
  ].join('\r\n');
  const { status, body } = await send('text/csv', csv);
  t.match({ status, total: body.data.total }, { status: 202, total: 5 });
  t.match(await storedLines(body.data.id), [
    { line: 2, order: { orderId: 'C-1', placedAt: '2026-03-01T10:00:00Z', lines: [{ amount: 10.5 }] } },
    { line: 3, fault: /^orderAmount / },
    { line: 4, fault: /^orderAmount / },
    { line: 5, fault: 'it has 2 fields and the header has 6' },
    { line: 6, fault: 'its quotes do not match' },
  ]);
  const unknown = await send('text/csv', 'orderId,price\n1,2');
  t.match(unknown, { status: 400, body: { errors: [{ path: 'header' }] } });
});

t.test('unknown fields, wrong JSON and text that cannot be stored are faults of their lines', async (t) => {
  const text = `${ndjson(order({ surprise: 1 }))}\n{"orderId":\n${ndjson(order({ orderId: 'a\u0000b' }), 7)}`;
  const { body } = await send('application/x-ndjson', text);
  t.match(await storedLines(body.data.id), [
    { line: 1, fault: /surprise/ },
    { line: 2, fault: 'it is not valid JSON' },
    { line: 3, fault: /^orderId must not hold/ },
    { line: 4, fault: /./ },
  ]);
});

t.test('metadata without a bottom is a fault of its line alone', async (t) => {
  const deep = '['.repeat(30_000) + ']'.repeat(30_000);
  const lines = [
    ndjson(order({ orderId: 'D-1' })),
    ndjson(order({ metadata: { a: 0 } })).replace('0}', `${deep}}`),
    ndjson(order({ orderId: 'D-3' })),
  ];
  const { status, body } = await send('application/x-ndjson', lines.join('\n'));
  t.equal(status, 202);
  t.match(await storedLines(body.data.id), [
    { line: 1, order: { orderId: 'D-1' } },
    { line: 2, fault: /^metadata\.a\.0.* must not be nested deeper than 64 levels$/ },
    { line: 3, order: { orderId: 'D-3' } },
  ]);
  const csv = `orderId,sku,orderAmount,currency,metadata\nD-4,LAMP-1,1,USD,"{""a"":${deep}}"\nD-5,LAMP-1,1,USD,`;
  const inCsv = await send('text/csv', csv);
  t.match(await storedLines(inCsv.body.data.id), [{ fault: /^metadata/ }, { order: { orderId: 'D-5' } }]);
});

t.test(
  'what is told of a line stays short, however much is wrong with it and however long its names are',
  async (t) => {
    const metadata = { ['k'.repeat(30_000)]: Array.from({ length: 3_000 }, () => '\u0000') };
    const { body } = await send('application/x-ndjson', ndjson(order({ metadata })));
    const [line] = await storedLines(body.data.id);
    t.match(line, { fault: /^metadata\.k+ must not hold U\+0000.*; and 2995 more$/ });
    t.ok(JSON.stringify(line).length < 2_000);
  },
);

t.test('thousands of lines are stored in chunks while they come', async (t) => {
  const line = `${ndjson(order())}\n`;
  const lines = 9_300;
  const { status, body } = await send(
    'application/x-ndjson',
    Readable.from(Array.from({ length: lines }, () => line)),
  );
  t.match({ status, total: body.data.total }, { status: 202, total: lines });
  const chunks = await db.query<{ n: number }>(
    'SELECT jsonb_array_length(lines) AS n FROM conversion_import_chunks WHERE import_id = $1 ORDER BY chunk',
    [body.data.id],
  );
  t.same(
    chunks.map(({ n }) => n),
    [4_500, 4_500, 300],
  );
});

t.test('lines of JSON are taken under each of their names', async (t) => {
  for (const name of ['application/ndjson', 'application/jsonl; charset=utf-8'])
    t.match(await send(name, ndjson(order())), { status: 202, body: { data: { total: 1 } } });
  t.match(await send('application/jsonl+zip', ndjson(order())), { status: 415 });
});

t.test('an upload that breaks off, is empty or has an endless line leaves nothing', async (t) => {
  const before = await countChunks();
  async function* broken(): AsyncIterable<string> {
    for (let n = 0; n < 5_000; n += 1) yield `${ndjson(order())}\n`;
    throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
  }
  const answered = await send('application/x-ndjson', Readable.from(broken())).catch(() => undefined);
  t.ok(answered === undefined || answered.status === 400);
  t.match(await send('application/x-ndjson', '\n\n'), { status: 400 });
  const endless = `${ndjson(order())}\n`.repeat(5_000) + 'x'.repeat(70_000);
  t.match(await send('application/x-ndjson', endless), { status: 400 });
  t.equal(await countChunks(), before);
});

t.test('only files are taken, and only from shops', async (t) => {
  t.match(await send('application/json', '{}'), { status: 415 });
  t.match(await send('text/plain', 'a'), { status: 415 });
  t.match(await send('text/csv', 'a', { who: { ...SHOP, scopes: ['conversions:read'] } }), { status: 403 });
  const elsewhere = await tracking.app.inject({
    method: 'POST',
    url: '/tracking/conversion',
    headers: { ...identityHeaders({ service: 'tracking-service', ...SHOP }), 'content-type': 'text/csv' },
    payload: 'orderId\n1',
  });
  t.equal(elsewhere.statusCode, 415);
});

t.test('a file sent twice under one key is one job, and another file under it is refused', async (t) => {
  const file = `${ndjson(order())}\n`.repeat(700);
  const pieces = () => Readable.from([file.slice(0, 1_000), file.slice(1_000)]);
  const first = await send('application/x-ndjson', pieces(), { key: 'history-2025' });
  const before = await countChunks();
  const again = await send('application/x-ndjson', pieces(), { key: 'history-2025' });
  t.equal(first.status, 202);
  t.match(again, { status: 202, headers: { 'idempotency-replayed': 'true' } });
  t.same(again.body, first.body);
  const other = await send('application/x-ndjson', `${file}{}`, { key: 'history-2025' });
  t.match(other, { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
  const atOnce = await Promise.all(
    [1, 2, 3].map(() => send('text/csv', 'orderId,sku\n1,2', { key: 'at once' })),
  );
  t.equal(new Set(atOnce.map(({ body }) => body.data?.id ?? 'none').filter((id) => id !== 'none')).size, 1);
  t.ok(atOnce.every(({ status }) => status === 202 || status === 409));
  t.equal(await countChunks(), before + 1, 'repetitions leave nothing behind');
});

t.test('who sent a file sees what became of its lines, with no more than the scope to send it', async (t) => {
  const writer = { ...SHOP, scopes: ['conversions:write'] } satisfies Partial<Identity>;
  const { body, headers } = await send('text/csv', 'orderId,sku\n1,2', { who: writer });
  const { id } = body.data;
  t.equal(headers.location, `/api/v1/tracking/conversions/imports/${id}`);
  await db.query(
    `INSERT INTO job_results (job_id, item_id, success, code, detail)
     SELECT $1, n::text, n <> 10, CASE n WHEN 10 THEN 'VALIDATION_ERROR' END, CASE n WHEN 10 THEN 'no' END
     FROM generate_series(2, 11) n`,
    [id],
  );
  const read = async (query: string, who: Partial<Identity> = writer) => {
    const answer = await tracking.app.inject({
      url: `/tracking/conversions/imports/${id}${query}`,
      headers: identityHeaders({ service: 'tracking-service', ...who }),
    });
    return { status: answer.statusCode, data: answer.json().data };
  };
  const all = await read('?limit=9');
  t.match(all, { status: 200, data: { id, status: 'queued', total: 1, resultsTotal: 10 } });
  t.same(
    all.data.results.map((result: { id: string }) => result.id),
    ['2', '3', '4', '5', '6', '7', '8', '9', '10'],
  );
  t.match(await read('?success=false'), {
    data: {
      resultsTotal: 1,
      results: [{ id: '10', success: false, code: 'VALIDATION_ERROR', detail: 'no' }],
    },
  });
  t.match(await read('', { ...writer, id: 'another key' }), { status: 404 });
  t.match(await read('', { ...writer, scopes: ['conversions:read'] }), { status: 403 });
});
