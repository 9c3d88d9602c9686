import { insertPolicy } from '@tributary/testkit';
import t from 'tap';
import { openShop, settled } from './shop-under-test.ts';
import { SHOP } from './tracking-under-test.ts';

// Nothing tells this service of changes here: no event ever reaches it.
const { db, ann, bob, order, post, clickOf, tracking } = await openShop(t);

const sell = async (fields: object = {}) => {
  const sold = await post(order({ referralCode: ann.referralCode, confirmed: true, ...fields }));
  t.equal(sold.status, 201, JSON.stringify(sold.body));
  return settled(sold);
};
const earned = async () => (await sell()).commissions.map(({ commissionAmount }) => commissionAmount);

t.test(
  'an order is priced by the policies as they were when it came, though no event told of them',
  async (t) => {
    t.same(await earned(), [10], 'what is remembered from here on');
    const dearer = await insertPolicy(db, { code: 'dearer', priority: 10, terms: { rate: '20' } });
    t.same(await earned(), [20], 'a policy that is new');
    await db.query('UPDATE commission_policies SET priority = -1, version = version + 1 WHERE id = $1', [
      dearer.id,
    ]);
    t.same(await earned(), [10], 'a priority that is lower');
    await db.query(
      `UPDATE commission_policies SET status = 'inactive', version = version + 1 WHERE id <> $1`,
      [dearer.id],
    );
    t.same(await earned(), [20], 'a better policy that is switched off');
    const capped = { rate: '30', maxUsageTotal: 1 };
    await insertPolicy(db, { code: 'capped', priority: 20, terms: capped });
    t.same([await earned(), await earned()], [[30], [20]], 'a policy with a limit, and its use');
    t.same(await Promise.all(Array.from({ length: 5 }, earned)), [[20], [20], [20], [20], [20]]);
  },
);

t.test('a confirmation is priced by them as well', async (t) => {
  const pending = await sell({ confirmed: false });
  await insertPolicy(db, { code: 'dearest', priority: 30, terms: { rate: '40' } });
  const confirmed = await tracking.post(
    `/tracking/conversions/${pending.conversions[0]?.id}/confirm`,
    undefined,
    SHOP,
  );
  t.match(confirmed.body.data, { commissions: [{ commissionAmount: 40 }] });
});

t.test('where the first policy of all was not there yet, an order finds it', async (t) => {
  await db.query(`UPDATE commission_policies SET status = 'inactive', version = version + 1`);
  t.same(await earned(), []);
  await insertPolicy(db, { code: 'again', terms: { rate: '5' } });
  t.same(await earned(), [5]);
});

t.test('an order is attributed by the settings as they were when it came', async (t) => {
  await clickOf(ann, 'two partners');
  await clickOf(bob, 'two partners');
  const credited = async (fields: object) =>
    (await sell({ referralCode: undefined, sessionId: 'two partners', ...fields })).conversions.length;
  t.equal(await credited({}), 1);
  await db.query(`INSERT INTO settings (key, value) VALUES ('attributionModel', '"linear"')`);
  t.equal(await credited({}), 2, 'a setting that is new');
  await db.query(`UPDATE settings SET value = '"first_touch"', version = version + 1`);
  t.equal(await credited({}), 1, 'a setting that is changed');
});
