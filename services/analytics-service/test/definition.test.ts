import { FIGURES_DEFINITION, rebuildRollups } from '@tributary/rollups';
import { createTestDatabase, insertCommission } from '@tributary/testkit';
import t from 'tap';
import { queueRebuildWhereBehind } from '../src/rollups/definition.ts';
import { logger } from './harness.ts';

const JOBS = 'SELECT name, trigger, status, actor FROM jobs';

t.test(
  'rollups by an older definition of the figures are rebuilt once, however many processes start',
  async (t) => {
    const { db, owner } = await createTestDatabase(t);
    const createdAt = new Date('2026-03-10T10:00:00Z');
    await insertCommission(owner, { createdAt });
    await rebuildRollups({ db }, { programId: 'default', from: createdAt, to: new Date('2026-03-11') });
    await Promise.all(Array.from({ length: 5 }, () => queueRebuildWhereBehind(db, logger)));
    await queueRebuildWhereBehind(db, logger);
    const jobs = await owner.query(JOBS);
    t.equal(jobs.length, 1);
    t.match(jobs[0], {
      name: 'rebuild-rollups',
      trigger: 'catch_up',
      status: 'queued',
      actor: { kind: 'system', name: 'system:analytics-service' },
    });
    t.match(await owner.query('SELECT type, data FROM outbox_events'), [
      { type: 'job.queued', data: { name: 'rebuild-rollups' } },
    ]);
    t.match(await owner.query(`SELECT action, actor FROM audit_logs WHERE entity_type = 'job'`), [
      { action: 'queued', actor: 'system:analytics-service' },
    ]);
  },
);

t.test('without rollups nothing is rebuilt, and a later definition is left alone', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  await queueRebuildWhereBehind(db, logger);
  const later = FIGURES_DEFINITION + 1;
  t.match(await owner.query('SELECT definition FROM rollup_progress'), [{ definition: FIGURES_DEFINITION }]);
  await owner.query('UPDATE rollup_progress SET definition = $1', [later]);
  await insertCommission(owner);
  await queueRebuildWhereBehind(db, logger);
  t.match(await owner.query('SELECT definition FROM rollup_progress'), [{ definition: later }]);
  t.same(Array.from(await owner.query(JOBS)), []);
});
