import { createTestDatabase, waitFor } from '@tributary/testkit';
import t from 'tap';
import { z } from 'zod';
import { defineJob, JobFailedError, type JobDeclaration, type JobRun } from '../src/jobs/declaration.ts';
import { claimJob, reportProgress } from '../src/jobs/job-store.ts';
import { ada, queueJob, readJob, readResults, startRunner, untilEnded } from './harness.ts';

const { db } = await createTestDatabase(t);

/** A job of `chunks` steps that waits at each for `gate`, and starts where its checkpoint says. */
function stepper(name: string, options: { chunks?: number; gate?: (step: number) => unknown } = {}) {
  const { chunks = 3, gate = () => undefined } = options;
  const steps: number[] = [];
  const job = defineJob({
    name,
    deadlineMs: 60_000,
    parameters: z.object({}),
    async run(run) {
      const { step: first } = z.object({ step: z.int() }).parse(run.checkpoint ?? { step: 0 });
      if (run.total === null) await run.report({ total: chunks });
      for (let step = first; step < chunks; step += 1) {
        await gate(step);
        steps.push(step);
        const results = [{ id: `item-${step}`, success: true }];
        await run.report({ succeeded: 1, checkpoint: { step: step + 1 }, results });
      }
    },
  });
  return { job, steps };
}

const failing = (name: string, run: (run: JobRun<unknown>) => Promise<void>): JobDeclaration =>
  defineJob({ name, deadlineMs: 60_000, parameters: z.object({}), run });

t.test('a job goes from queued to succeeded, with its progress, results, metrics and event', async (t) => {
  const { job, steps } = stepper('plain');
  const runner = startRunner(t, db, { jobs: [job] });
  const failures = /job_runs_total\{job="plain",outcome="failed",service="batch-scheduler"\} 0/;
  t.match(await runner.metrics.expose(), failures, 'failures are counted from nothing');
  const id = await queueJob(db, 'plain');
  runner.wake();
  const ended = await untilEnded(db, id);
  t.match(ended, { status: 'succeeded', total: 3, succeeded: 3, failed: 0, attempts: 1, error: null });
  t.strictSame(steps, [0, 1, 2]);
  t.equal((await readResults(db, id)).length, 3);
  const finished = await waitFor(() => runner.published.find(({ type }) => type === 'job.finished'));
  t.match(finished.data, { jobId: id, status: 'succeeded', total: 3, succeeded: 3, failed: 0 });
  t.match(finished.actor, { kind: 'api_key', name: ada.name });
  const exposition = await waitFor(async () => {
    const text = await runner.metrics.expose();
    return text.includes('outcome="succeeded"') ? text : undefined;
  });
  t.match(exposition, /job_runs_total\{job="plain",outcome="succeeded",service="batch-scheduler"\} 1/);
  t.match(exposition, /job_items_total\{job="plain",outcome="succeeded",service="batch-scheduler"\} 3/);
});

t.test('several runners take each job once', async (t) => {
  const { job, steps } = stepper('shared', { chunks: 1 });
  for (let n = 0; n < 3; n += 1) startRunner(t, db, { jobs: [job] });
  const ids = await Promise.all(Array.from({ length: 20 }, () => queueJob(db, 'shared')));
  const ended = await Promise.all(ids.map((id) => untilEnded(db, id)));
  t.equal(steps.length, 20);
  t.ok(ended.every(({ attempts, succeeded }) => attempts === 1 && succeeded === 1));
});

t.test('a runner that is stopped hands its job back, and the next goes on at the checkpoint', async (t) => {
  const reached = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const { job, steps } = stepper('handed-over', {
    gate: async (step) => {
      if (step !== 1 || steps.length > 1) return;
      reached.resolve();
      await goOn.promise;
    },
  });
  const first = startRunner(t, db, { jobs: [job] });
  const id = await queueJob(db, 'handed-over');
  await reached.promise;
  const stopped = first.stop();
  goOn.resolve();
  await stopped;
  t.match(await readJob(db, id), { status: 'queued', leaseHolder: null, succeeded: 2, attempts: 0 });
  startRunner(t, db, { jobs: [job] });
  t.match(await untilEnded(db, id), { status: 'succeeded', succeeded: 3, attempts: 1 });
  t.strictSame(steps, [0, 1, 2]);
});

t.test('a runner whose lease ran out adds nothing once another has the job', async (t) => {
  const id = await queueJob(db, 'fenced');
  const names = ['fenced'];
  const late = await claimJob(db, { names, holder: 'late', leaseMs: 1 });
  const current = await waitFor(() => claimJob(db, { names, holder: 'current', leaseMs: 60_000 }));
  t.equal(await claimJob(db, { names, holder: 'third', leaseMs: 60_000 }), undefined);
  if (late === undefined) throw new Error('not claimed');
  t.equal(
    await reportProgress(db, late, { succeeded: 5, results: [{ id: 'x', success: true }] }, 60_000),
    undefined,
  );
  t.match(await reportProgress(db, current, { succeeded: 1 }, 60_000), { cancelRequested: false });
  t.match(await readJob(db, id), { succeeded: 1, leaseHolder: 'current', attempts: 2 });
  t.equal((await readResults(db, id)).length, 0);
});

t.test('work whose lease another took is told to stop', async (t) => {
  const aborted = Promise.withResolvers<unknown>();
  const held = failing('stolen', async ({ signal }) => {
    signal.addEventListener('abort', () => aborted.resolve(signal.reason));
    await aborted.promise;
    throw new Error('stopped');
  });
  startRunner(t, db, { jobs: [held], leaseMs: 3_000 });
  const id = await queueJob(db, 'stolen');
  await waitFor(async () => (await readJob(db, id)).status === 'running');
  await db.query(
    `UPDATE jobs SET lease_token = lease_token + 1, lease_until = now() + interval '1 hour' WHERE id = $1`,
    [id],
  );
  t.match(await aborted.promise, { interruption: 'lost' });
  t.equal((await readJob(db, id)).status, 'running', 'the other one ends it');
});

t.test('a running job that is cancelled ends between two chunks', async (t) => {
  const reached = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const { job, steps } = stepper('cancelled', {
    gate: async (step) => {
      if (step !== 1) return;
      reached.resolve();
      await goOn.promise;
    },
  });
  const runner = startRunner(t, db, { jobs: [job] });
  const id = await queueJob(db, 'cancelled');
  await reached.promise;
  await db.query('UPDATE jobs SET cancel_requested = TRUE WHERE id = $1', [id]);
  goOn.resolve();
  t.match(await untilEnded(db, id), { status: 'cancelled', succeeded: 2 });
  t.strictSame(steps, [0, 1]);
  await waitFor(() => runner.published.some(({ data }) => 'status' in data && data.status === 'cancelled'));
});

t.test('a failure that may pass is tried again later, one that cannot is not', async (t) => {
  let isPassing = false;
  const passing = failing('passing', async () => {
    if (!isPassing) throw new Error('Postgres hiccuped');
  });
  const hopeless = failing('hopeless', async () => {
    throw new JobFailedError('nothing to be done');
  });
  startRunner(t, db, { jobs: [passing, hopeless] });
  const [retried, failed] = [await queueJob(db, 'passing'), await queueJob(db, 'hopeless')];
  t.match(await untilEnded(db, failed), { status: 'failed', error: 'nothing to be done', attempts: 1 });
  const waiting = await waitFor(async () => {
    const job = await readJob(db, retried);
    return job.status === 'queued' && job.error !== null && job;
  });
  t.match(waiting, { error: 'Postgres hiccuped', leaseHolder: null });
  const { startedAt, leaseUntil } = waiting;
  t.ok(startedAt !== null && leaseUntil !== null && leaseUntil.getTime() - startedAt.getTime() >= 5_000);
  isPassing = true;
  await db.query(`UPDATE jobs SET lease_until = NULL WHERE id = $1 AND status = 'queued'`, [retried]);
  const ended = await untilEnded(db, retried);
  t.match(ended, { status: 'succeeded', error: null });
  t.ok(ended.attempts >= 2);
});

t.test(
  'a job past its deadline, one that keeps killing its process, and one with wrong parameters fail',
  async (t) => {
    const never = {
      ...failing(
        'slow',
        ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
      ),
      deadlineMs: 100,
    };
    const strict = defineJob({
      name: 'strict',
      deadlineMs: 1_000,
      parameters: z.strictObject({}),
      run: async () => undefined,
    });
    startRunner(t, db, { jobs: [never, strict] });
    const slow = await queueJob(db, 'slow');
    const deadly = await queueJob(db, 'strict', { attempts: 5, status: 'running', leaseUntil: new Date(0) });
    const wrong = await queueJob(db, 'strict', { parameters: { colour: 'red' } });
    t.match(await untilEnded(db, slow), { status: 'failed', error: 'took longer than 0.1 s' });
    t.match(await untilEnded(db, deadly), { status: 'failed', error: /given up/ });
    t.match(await untilEnded(db, wrong), { status: 'failed', error: /colour/ });
  },
);

t.test('a job of a name that this release does not know is left to others', async (t) => {
  const { job } = stepper('known');
  startRunner(t, db, { jobs: [job] });
  const stranger = await queueJob(db, 'of-the-next-release');
  await untilEnded(db, await queueJob(db, 'known'));
  t.match(await readJob(db, stranger), { status: 'queued', attempts: 0 });
});

t.test('the end of a job is audited, under the name of whoever asked for it', async (t) => {
  const { job } = stepper('audited');
  startRunner(t, db, { jobs: [job] });
  const id = await queueJob(db, 'audited');
  await untilEnded(db, id);
  const rows = await db.query<{ action: string; actor: string; ipAddress: string }>(
    `SELECT action, actor, ip_address FROM audit_logs WHERE entity_type = 'job' AND entity_id = $1`,
    [id],
  );
  t.match(rows, [{ action: 'succeeded', actor: ada.name, ipAddress: ada.ipAddress }]);
});
