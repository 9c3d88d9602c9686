import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';

import { ensurePartitions } from '../src/index.ts';

const { db, owner } = await createTestDatabase(t);

t.test('a statement that is planned while its tables are empty reads them by their keys', async (t) => {
  const plan = await owner.query<{ 'QUERY PLAN': string }>(
    `EXPLAIN
     SELECT c.id, v.id, l.id FROM commissions c
     JOIN conversion_events v ON v.program_id = c.program_id AND v.id = c.conversion_id
     JOIN order_lines l ON l.program_id = v.program_id AND l.id = v.order_line_id
     WHERE c.program_id = 'default' AND c.id = '018f0000-0000-7000-8000-000000000001'`,
  );
  const text = plan.map((line) => line['QUERY PLAN']).join('\n');
  for (const key of [
    'commissions_program_id_id_pk',
    'conversion_events_program_id_id_pk',
    'order_lines_program_id_id_pk',
  ])
    t.match(text, new RegExp(`${key} .*\n +Index Cond: \\(\\(program_id = .*\\) AND \\(id = `));
});

t.test(
  'partitions that are made later know as much, and a table that was analysed keeps what was found',
  async (t) => {
    await ensurePartitions(db, new Date('2033-02-01T00:00:00Z'), 0);
    const unknown = await owner.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'program_id'
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT EXISTS (SELECT FROM pg_statistic s WHERE s.starelid = c.oid AND s.staattnum = a.attnum AND s.stadistinct = 1)`,
    );
    t.same(unknown, []);
    await owner.query(
      `INSERT INTO partners (id, program_id, name, email)
     SELECT uuidv7(), 'program-' || n, 'Partner', n || '@example.com' FROM generate_series(1, 5) n`,
    );
    await owner.query('ANALYZE partners');
    await owner.query(`SELECT assume_one_program('partners')`);
    const [row] = await owner.query(
      `SELECT stadistinct FROM pg_statistic WHERE starelid = 'partners'::regclass AND staattnum =
       (SELECT attnum FROM pg_attribute WHERE attrelid = 'partners'::regclass AND attname = 'program_id')`,
    );
    t.same(row, { stadistinct: -1 });
  },
);
