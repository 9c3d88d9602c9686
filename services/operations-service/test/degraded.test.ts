import { insertCommission } from '@tributary/testkit';
import t from 'tap';
import { eventsOf, startOperations } from './harness.ts';

t.test('without NATS the service answers, keeps its events, and says that it is degraded', async (t) => {
  const { app, db, call } = await startOperations(t, { nats: false });
  const { id } = await insertCommission(db);
  const done = await call('POST', `/operations/commissions/${id}/confirm`, { body: { reason: 'early' } });
  t.equal(done.status, 200, done.text);
  t.same(await eventsOf(db, 'commissionId', id), ['commission.confirmed']);
  const ready = await app.inject('/health/ready');
  t.equal(ready.statusCode, 200);
  t.equal(ready.json().status, 'degraded');
});

t.test('the document of the service lists every route with its codes', async (t) => {
  const { app } = await startOperations(t, { nats: false });
  const document = (await app.inject('/internal/openapi.json')).json();
  t.equal(document.openapi, '3.1.0');
  const adjust = document.paths['/operations/commissions/{id}/adjust'].post;
  t.equal(adjust['x-required-scope'], 'operations:write');
  t.match(JSON.stringify(adjust.responses['409']), /COMMISSION_ALREADY_PAID/);
  for (const path of [
    '/operations/refunds',
    '/operations/commissions.csv',
    '/policies/{id}/versions',
    '/settings',
  ]) {
    t.ok(document.paths[path], path);
  }
});
