import { connect } from '@tributary/schema';
import { insertPartner, startOwnPostgres, waitFor } from '@tributary/testkit';
import t from 'tap';

import { clientOf, dataOf } from '../api-client.ts';
import { startPlatform } from '../platform.ts';

// Its content differs, as no replica's would: so it shows who answered.
const replica = await startOwnPostgres(t);
const owner = connect({ url: replica.url, applicationName: 'test' });
await insertPartner(owner, { name: 'Of the replica' });
await owner.query(
  `INSERT INTO rollup_program_hours (program_id, currency, hour, pending_count, pending_amount)
  VALUES ('default', 'USD', date_trunc('hour', now()), 42, 4200)`,
);
await owner.close();

const platform = await startPlatform(t, { environment: { TRIBUTARY_READ_DATABASE_URL: replica.serviceUrl } });
const call = clientOf(platform, platform.apiKey);
const listed = async (): Promise<string[]> =>
  (await dataOf(call('GET', '/partners'))).map(({ name }: { name: string }) => name);
const pending = async (): Promise<number> => (await dataOf(call('GET', '/dashboard/kpi'))).pendingCommissions;

t.test(
  'lists and dashboards are read from the replica; changes and single things from the primary',
  async (t) => {
    t.same(await listed(), ['Of the replica']);
    t.equal(await pending(), 42);
    t.same(await dataOf(call('GET', '/tracking/conversions')), []);
    t.match(await dataOf(call('GET', `/partners/${platform.partnerId}`)), { name: 'Harbour Reviews' });
  },
);

t.test('with the replica away the primary answers all of it, and nobody is refused', async (t) => {
  await replica.kill();
  t.same(await listed(), ['Harbour Reviews']);
  // Figures that were computed already are shown again for as long as nothing is known to have changed.
  t.match(await dataOf(call('GET', '/dashboard/funnel')), { totalConversions: 0 });
  t.equal((await call('GET', '/tracking/conversions')).status, 200);
  t.equal((await fetch(`${platform.services['analytics-service'].url}/health/ready`)).status, 200);

  await replica.start();
  await waitFor(async () => (await listed()).includes('Of the replica'), {
    timeoutMs: 20_000,
    what: 'the replica to be asked again',
  });
});
