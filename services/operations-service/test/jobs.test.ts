import { ROLE_SCOPES } from '@tributary/http-kit';
import { insertCommission, insertRow } from '@tributary/testkit';
import t from 'tap';
import { auditOf, eventsOf, startOperations } from './harness.ts';

const { db, call, user } = await startOperations(t);
const reason = 'order sent back';

async function refusedFields(body: object): Promise<string[]> {
  const { status, body: problem } = await call('POST', '/operations/commissions/bulk', { body });
  t.match({ status, code: problem.code }, { status: 400, code: 'VALIDATION_ERROR' });
  return problem.errors.map(({ path }: { path: string }) => path).sort();
}

t.test('a bulk change becomes a job that carries its caller and wakes the scheduler', async (t) => {
  const { id } = await insertCommission(db);
  const body = { action: 'cancel', ids: [id, id], params: { reason }, dryRun: true };
  const queued = await call('POST', '/operations/commissions/bulk', { body });
  t.equal(queued.status, 202, queued.text);
  const job = queued.body.data;
  t.match(job, {
    name: 'bulk-commissions',
    status: 'queued',
    trigger: 'api',
    actor: 'Ada Admin',
    parameters: { action: 'cancel', ids: [id], params: { reason }, dryRun: true },
  });
  t.same(await eventsOf(db, 'jobId', job.id), ['job.queued']);
  const [row] = await db.query<{ actor: object }>('SELECT actor FROM jobs WHERE id = $1', [job.id]);
  t.match(row?.actor, { kind: 'user', id: user.id, name: 'Ada Admin', ipAddress: '203.0.113.7' });

  const filtered = await call('POST', '/operations/commissions/bulk', {
    body: { action: 'confirm', filter: { status: 'pending', dateFrom: '2026-01-01' }, params: { reason } },
  });
  t.match(filtered.body.data.parameters, {
    filter: { status: 'pending', dateField: 'created', from: '2026-01-01T00:00:00.000Z' },
    dryRun: false,
  });
  const named = async (wrong: object, as = {}) =>
    (await call('POST', '/operations/commissions/bulk', { body: wrong, as })).status;
  t.equal(await named({ action: 'cancel', params: { reason } }), 400, 'neither ids nor filter');
  t.equal(await named({ action: 'cancel', ids: [id], filter: {}, params: { reason } }), 400, 'both');
  t.equal(await named({ action: 'explode', ids: [id], params: { reason } }), 400);
  t.equal(await named({ action: 'cancel', ids: [id], params: {} }), 400);
  t.same(await refusedFields({ action: 'cancel', params: { reason: ' ' }, dryRun: 'yes' }), [
    'dryRun',
    'ids',
    'params.reason',
  ]);
  t.same(await refusedFields({ action: 'cancel', ids: [id], filter: {} }), ['ids', 'params']);
  t.same(await refusedFields({ ids: 'all' }), ['action']);
  const filter = { minAmount: 2, maxAmount: 1, dateFrom: '2026-02-01', dateTo: '2026-01-01' };
  t.same(await refusedFields({ action: 'cancel', filter, params: { reason } }), [
    'filter.dateFrom',
    'filter.minAmount',
  ]);
  t.same(await refusedFields({ action: 'cancel', filter, params: {} }), [
    'filter.dateFrom',
    'filter.minAmount',
    'params.reason',
  ]);
  const pay = { action: 'pay', ids: [id], params: { paymentMethod: 'wire', paymentReference: 'B-1' } };
  t.equal(await named(pay, { scopes: ['operations:write'] }), 403);
  t.equal(await named(pay, { scopes: ['operations:write', 'payments:write'] }), 202);
});

t.test(
  'of a bulk change the action says who may: finance pays, tries out paying, and stops it',
  async (t) => {
    const { id } = await insertCommission(db, { status: 'confirmed' });
    const finance = { scopes: [...ROLE_SCOPES.finance] };
    const change = (action: string, params: object, as: object) =>
      call('POST', '/operations/commissions/bulk', { body: { action, ids: [id], params }, as });
    const payment = { paymentMethod: 'wire', paymentReference: 'B-2' };
    const paying = await change('pay', payment, finance);
    t.equal(paying.status, 202, paying.text);
    const tryOut = async (as: object): Promise<number> => {
      const body = { action: 'pay', ids: [id], params: payment, dryRun: true };
      return (await call('POST', '/operations/commissions/bulk', { body, as })).status;
    };
    t.equal(await tryOut(finance), 202);
    t.equal(await tryOut({ scopes: ['operations:write'] }), 403, 'trying out needs what doing needs');
    t.match(await change('cancel', { reason }, finance), {
      status: 403,
      body: { detail: 'The scope operations:write is needed' },
    });
    t.equal((await change('cancel', { reason }, { scopes: ['operations:write'] })).status, 202);
    t.equal((await change('cancel', {}, { scopes: ['operations:read'] })).status, 403, 'before any field');
    t.equal((await change('pay', payment, { ...finance, partnerId: user.id })).status, 403, 'no partner');

    const confirming = await change('confirm', { reason }, {});
    const cancel = (job: string) => call('POST', `/operations/jobs/${job}/cancel`, { as: finance });
    t.match(await cancel(confirming.body.data.id), { status: 403, body: { code: 'FORBIDDEN' } });
    t.match(await cancel(paying.body.data.id), { status: 200, body: { data: { status: 'cancelled' } } });
    t.match(await cancel(user.id), { status: 404, body: { code: 'JOB_NOT_FOUND' } });
  },
);

t.test('a job is run by hand, listed, read with its results and cancelled', async (t) => {
  const run = await call('POST', '/operations/jobs/confirm-due-commissions/run', { body: {} });
  t.match(
    run,
    { status: 202, body: { data: { name: 'confirm-due-commissions', trigger: 'manual', status: 'queued' } } },
    run.text,
  );
  const { id } = run.body.data;
  t.match(await call('POST', '/operations/jobs/format-disk/run', { body: {} }), {
    status: 404,
    body: { code: 'JOB_NOT_FOUND' },
  });
  t.equal(
    (
      await call('POST', '/operations/jobs/confirm-due-commissions/run', {
        as: { scopes: ['operations:write'] },
      })
    ).status,
    403,
  );
  t.equal(
    (await call('GET', '/operations/jobs?name=confirm-due-commissions&status=queued')).body.data[0].id,
    id,
  );

  for (const itemId of ['a', 'b', 'c'])
    await insertRow(db, 'jobResults', {
      jobId: id,
      itemId,
      success: itemId !== 'b',
      code: itemId === 'b' ? 'COMMISSION_ALREADY_PAID' : null,
    });
  const detail = await call('GET', `/operations/jobs/${id}?limit=2&page=1`);
  t.match(detail.body.data, {
    id,
    resultsTotal: 3,
    results: [
      { id: 'a', success: true },
      { id: 'b', success: false, code: 'COMMISSION_ALREADY_PAID' },
    ],
  });

  t.match((await call('POST', `/operations/jobs/${id}/cancel`)).body.data, {
    status: 'cancelled',
    cancelRequested: true,
  });
  t.match(await call('POST', `/operations/jobs/${id}/cancel`), {
    status: 409,
    body: { code: 'JOB_ENDED', currentStatus: 'cancelled' },
  });
  t.match(await call('POST', `/operations/jobs/${user.id}/cancel`), {
    status: 404,
    body: { code: 'JOB_NOT_FOUND' },
  });
  const running = (await call('POST', '/operations/jobs/maintain-partitions/run')).body.data;
  await db.query(`UPDATE jobs SET status = 'running' WHERE id = $1`, [running.id]);
  t.match((await call('POST', `/operations/jobs/${running.id}/cancel`)).body.data, {
    status: 'running',
    cancelRequested: true,
  });
  t.same(
    (await auditOf(db, 'job', id)).map(({ action }) => action),
    ['queued', 'cancelled'],
  );
  const ended = await db.query(
    `SELECT subject ->> 'jobId' AS id, data ->> 'status' AS status FROM outbox_events
     WHERE type = 'job.finished' AND subject ->> 'jobId' IN ($1, $2)`,
    [id, running.id],
  );
  t.same(ended, [{ id, status: 'cancelled' }], 'of the running one its runner tells');
});

t.test('the body of a run is its parameters, by themselves or as parameters', async (t) => {
  const run = (name: string, body: object) => call('POST', `/operations/jobs/${name}/run`, { body });
  const days = { from: '2026-01-01', to: '2026-01-02T00:00:00Z' };
  t.match(await run('rebuild-rollups', days), { status: 202, body: { data: { parameters: days } } });
  t.match(await run('rebuild-rollups', { parameters: days }), {
    status: 202,
    body: { data: { parameters: days } },
  });
  t.same((await run('purge-expired', { parameters: {} })).body.data.parameters, {});

  const refusedFields = async (name: string, body: object) => {
    const { status, body: problem } = await run(name, body);
    t.match({ status, code: problem.code }, { status: 400, code: 'VALIDATION_ERROR' });
    return problem.errors.map(({ path }: { path: string }) => path).sort();
  };
  t.same(await refusedFields('rebuild-rollups', { from: 'now', force: true }), ['force', 'from']);
  t.same(await refusedFields('rebuild-rollups', { parameters: { from: 'now', force: true } }), [
    'parameters.force',
    'parameters.from',
  ]);
  t.same(await refusedFields('purge-expired', days), ['from', 'to'], 'parameters of other jobs');
  t.same(await refusedFields('purge-expired', { parameters: { to: days.to } }), ['parameters.to']);
  t.same(
    await refusedFields('rebuild-rollups', { ...days, parameters: {} }),
    ['from', 'to'],
    'in two places',
  );
});

t.test('fifty parallel runs with one Idempotency-Key queue one job', async (t) => {
  const startedAt = new Date();
  const calls = Array.from({ length: 50 }, () =>
    call('POST', '/operations/jobs/purge-expired/run', { body: {}, headers: { 'idempotency-key': 'run' } }),
  );
  const answers = await Promise.all(calls);
  t.same([...new Set(answers.map(({ status }) => status))], [202]);
  const queued = await db.query<{ id: string }>(
    `SELECT id FROM jobs WHERE name = 'purge-expired' AND created_at >= $1`,
    [startedAt],
  );
  t.equal(queued.length, 1);
  t.same([...new Set(answers.map(({ body }) => body.data?.id))], [queued[0]?.id]);
});
