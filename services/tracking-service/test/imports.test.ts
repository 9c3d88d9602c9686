import { Readable } from 'node:stream';
import { identityHeaders } from '@tributary/testkit';
import type { ImportedLine } from '@tributary/schema/tables';
import t from 'tap';
import { openShop } from './shop-under-test.ts';
import { SHOP } from './tracking-under-test.ts';

const { db, tracking, ann, order } = await openShop(t);

async function send(contentType: string, body: string | Readable, who = SHOP) {
  const answer = await tracking.app.inject({
    method: 'POST',
    url: '/tracking/conversions/import',
    headers: {
      ...identityHeaders({ service: 'tracking-service', ...who }),
      'content-type': contentType,
    },
    payload: body,
  });
  return { status: answer.statusCode, body: answer.json() };
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

t.test('thousands of lines are stored in chunks while they come', async (t) => {
  const line = `${ndjson(order())}\n`;
  const lines = 2_300;
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
    [500, 500, 500, 500, 300],
  );
});

t.test('an upload that breaks off, is empty or has an endless line leaves nothing', async (t) => {
  const before = await countChunks();
  async function* broken(): AsyncIterable<string> {
    for (let n = 0; n < 600; n += 1) yield `${ndjson(order())}\n`;
    throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
  }
  const answered = await send('application/x-ndjson', Readable.from(broken())).catch(() => undefined);
  t.ok(answered === undefined || answered.status === 400);
  t.match(await send('application/x-ndjson', '\n\n'), { status: 400 });
  const endless = `${ndjson(order())}\n`.repeat(600) + 'x'.repeat(70_000);
  t.match(await send('application/x-ndjson', endless), { status: 400 });
  t.equal(await countChunks(), before);
});

t.test('only files are taken, and only from shops', async (t) => {
  t.match(await send('application/json', '{}'), { status: 415 });
  t.match(await send('text/plain', 'a'), { status: 415 });
  t.match(await send('text/csv', 'a', { ...SHOP, scopes: ['conversions:read'] }), { status: 403 });
  const elsewhere = await tracking.app.inject({
    method: 'POST',
    url: '/tracking/conversion',
    headers: { ...identityHeaders({ service: 'tracking-service', ...SHOP }), 'content-type': 'text/csv' },
    payload: 'orderId\n1',
  });
  t.equal(elsewhere.statusCode, 415);
});
