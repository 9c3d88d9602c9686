import { rebuildRollups } from '@tributary/rollups';
import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';
import { openDashboards, partnerIdentity } from './harness.ts';
import { HISTORY, insertHistory } from './random-history.ts';

const RANGE = 'dateFrom=2026-02-20&dateTo=2026-04-21';

const { db, owner } = await createTestDatabase(t);
const { partners } = await insertHistory(owner, 200);
await rebuildRollups({ db }, { programId: 'default', ...HISTORY, to: new Date('2026-07-01') });
const get = await openDashboards(t, db);

/** The names of all numbers in what a dashboard shows, as links are named; a place is no figure. */
function figuresOf(value: unknown, path: readonly string[] = []): string[] {
  if (typeof value === 'number') return path.at(-1) === 'rank' ? [] : [path.join('.')];
  if (Array.isArray(value)) return value.flatMap((item) => figuresOf(item, path));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, inner]) => figuresOf(inner, [...path, name]));
}

t.test('every figure has links to the lists behind it', async (t) => {
  const callers = { staff: {}, partner: partnerIdentity(partners[0]?.id ?? '') };
  for (const [caller, identity] of Object.entries(callers)) {
    for (const dashboard of ['funnel', 'policy-performance', 'partner-tiers', 'kpi', 'trends', 'overview']) {
      const { data, meta } = await get(`${dashboard}?${RANGE}`, identity);
      const figures = new Set(figuresOf(data).filter((name) => !name.startsWith('attention')));
      t.ok(figures.size > 4, `${caller} ${dashboard} shows figures`);
      const linked = meta['drilldown'] as Record<string, string[]>;
      const without = [...figures].filter((name) => (linked[name]?.length ?? 0) === 0);
      t.same(without, [], `${caller} ${dashboard}`);
      for (const link of Object.values(linked).flat())
        t.match(link, /^\/api\/v1\/(tracking|operations|webhooks)\//);
    }
  }
});

t.test('what needs attention and can be listed has a link', async (t) => {
  await owner.query(
    `INSERT INTO dead_letters (id, stream, consumer, payload, reason, deliveries)
     VALUES (gen_random_uuid(), 'COMMISSIONS', 'c', '{}', 'no', 5)`,
  );
  // A range that was not asked for before: an answer is kept for a moment.
  const range = 'dateFrom=2026-02-21&dateTo=2026-04-21';
  const { data, meta } = await get(`overview?${range}`);
  t.ok(
    data.attention.some(
      ({ kind, count }: { kind: string; count: number }) => kind === 'dead_letters' && count === 1,
    ),
  );
  const linked = meta['drilldown'] as Record<string, string[]>;
  t.same(linked['attention.dead_letters'], ['/api/v1/operations/dead-letters?replayed=false']);
  const { meta: ownMeta } = await get(`overview?${range}`, partnerIdentity(partners[0]?.id ?? ''));
  const own = ownMeta['drilldown'] as Record<string, string[]>;
  t.notOk(own['attention.dead_letters']);
  for (const kind of ['commissions_past_hold', 'payments_on_hold']) {
    const asked = `attention=${kind}&dateFrom=1970-01-01T00%3A00%3A00.000Z`;
    t.same(linked[`attention.${kind}`], [`/api/v1/operations/commissions?${asked}`]);
    t.same(own[`attention.${kind}`], [`/api/v1/tracking/commissions?${asked}`]);
  }
});
