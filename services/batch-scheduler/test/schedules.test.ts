import { createTestDatabase, insertRow } from '@tributary/testkit';
import type { Clock } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import t from 'tap';
import { z } from 'zod';
import { defineJob, type Schedule } from '../src/jobs/declaration.ts';
import { queueDueRuns } from '../src/schedules/scheduler.ts';
import { queueJob, schedulerDeps, type Job } from './harness.ts';

const scheduled = (name: string, schedule: Schedule) =>
  defineJob({ name, schedule, deadlineMs: 1_000, parameters: z.object({}), run: async () => undefined });

const NIGHTLY: Schedule = { cron: '0 2 * * *', timeZone: 'reporting', catchUp: 'latest' };
const JOBS = [scheduled('nightly', NIGHTLY)];

/** A process of its own, as far as schedules are concerned: it remembers what it has asked for. */
function scheduler(db: Database, clock: Clock, jobs = JOBS) {
  const deps = { ...schedulerDeps(db, clock), jobs, reportingTimeZone: 'UTC', onQueued: () => undefined };
  const seen = new Map<string, number>();
  return { published: deps.published, look: () => queueDueRuns(deps, seen) };
}

const at =
  (text: string): Clock =>
  () =>
    new Date(text);

const readRuns = (db: Database) =>
  db.query<Job>('SELECT * FROM jobs WHERE scheduled_for IS NOT NULL ORDER BY scheduled_for, name');

t.test('a scheduled run happens once with three schedulers that look at once and again', async (t) => {
  const { db } = await createTestDatabase(t);
  const clock = at('2026-03-02T02:00:00.004Z');
  const schedulers = [1, 2, 3].map(() => scheduler(db, clock));
  await Promise.all(schedulers.map(({ look }) => look()));
  await Promise.all(schedulers.map(({ look }) => look()));
  await scheduler(db, clock).look();
  const runs = await readRuns(db);
  t.equal(runs.length, 1);
  t.match(runs, [
    { trigger: 'schedule', status: 'queued', actor: { kind: 'system', name: 'system:nightly' } },
  ]);
  t.same(runs[0]?.scheduledFor, new Date('2026-03-02T02:00:00Z'));
  const events = schedulers.flatMap(({ published }) => published);
  t.match(events, [
    { type: 'job.queued', data: { jobId: runs[0]?.id, name: 'nightly', trigger: 'schedule' } },
  ]);
  const [{ audited } = { audited: -1 }] = await db.query<{ audited: number }>(
    `SELECT count(*)::int AS audited FROM audit_logs WHERE entity_type = 'job'`,
  );
  t.equal(audited, 1);
});

t.test('runs missed while everything was down are caught up by one, the latest', async (t) => {
  const { db } = await createTestDatabase(t);
  await scheduler(db, at('2026-03-02T02:00:01Z')).look();
  await Promise.all([1, 2, 3].map(() => scheduler(db, at('2026-03-05T09:30:00Z')).look()));
  t.match(await readRuns(db), [
    { trigger: 'schedule' },
    { trigger: 'catch_up', scheduledFor: new Date('2026-03-05T02:00:00Z') },
  ]);
});

t.test('a fresh installation has missed nothing, save what is always wanted; others may skip', async (t) => {
  const { db } = await createTestDatabase(t);
  const jobs = [
    ...JOBS,
    scheduled('always', { cron: '0 0 * * *', timeZone: 'UTC', catchUp: 'always' }),
    scheduled('skipped', { cron: '0 1 * * *', timeZone: 'UTC', catchUp: 'skip' }),
  ];
  await scheduler(db, at('2026-03-02T12:00:00Z'), jobs).look();
  t.match(await readRuns(db), [{ name: 'always', trigger: 'catch_up' }]);
  await scheduler(db, at('2026-03-03T12:00:00Z'), jobs).look();
  t.strictSame(
    (await readRuns(db)).map(({ name, trigger }) => `${name} ${trigger}`),
    ['always catch_up', 'always catch_up', 'nightly catch_up'],
    'by the next day there was a run to miss',
  );
});

t.test('02:00 is meant in the reporting time zone, also on the days the clocks change', async (t) => {
  const { db } = await createTestDatabase(t);
  await insertRow(db, 'settings', { key: 'reportingTimeZone', value: 'America/New_York' });
  const look = (moment: string) => scheduler(db, at(moment)).look();
  t.same(
    await look('2026-03-07T07:00:00Z'),
    new Date('2026-03-08T07:00:00Z'),
    '02:00 does not exist on the 8th: 03:00',
  );
  t.same(await look('2026-03-08T07:00:30Z'), new Date('2026-03-09T06:00:00Z'));
  t.same(await look('2026-10-31T06:00:00Z'), new Date('2026-11-01T07:00:00Z'));
  t.strictSame(
    (await readRuns(db)).map(({ scheduledFor }) => scheduledFor?.toISOString()),
    ['2026-03-07T07:00:00.000Z', '2026-03-08T07:00:00.000Z', '2026-10-31T06:00:00.000Z'],
  );
});

t.test(
  'moving the time zone does not repeat a day, and a run by hand does not stand for a scheduled one',
  async (t) => {
    const { db } = await createTestDatabase(t);
    await scheduler(db, at('2026-03-02T02:00:00Z')).look();
    await insertRow(db, 'settings', { key: 'reportingTimeZone', value: 'Asia/Seoul' });
    await scheduler(db, at('2026-03-02T10:00:00Z')).look();
    t.equal((await readRuns(db)).length, 1, 'the 17:00Z of yesterday lies before the run there was');
    await queueJob(db, 'nightly', { trigger: 'manual' });
    await scheduler(db, at('2026-03-02T17:00:00Z')).look();
    t.equal((await readRuns(db)).length, 2);
  },
);
