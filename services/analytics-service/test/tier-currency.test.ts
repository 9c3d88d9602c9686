import { rebuildRollups } from '@tributary/rollups';
import {
  createTestDatabase,
  insertClick,
  insertCommission,
  insertConversion,
  insertPartner,
} from '@tributary/testkit';
import t from 'tap';
import { openDashboards, partnerIdentity } from './harness.ts';

const RANGE = 'dateFrom=2026-03-10&dateTo=2026-03-11';
const AT = new Date('2026-03-10T10:00:00Z');

const { db, owner } = await createTestDatabase(t);

/** Twelve sales, each of one commission, after twelve clicks. */
async function insertSeller(sales: { currency: string; commissionAmount: string }[]): Promise<string> {
  const { id: partnerId } = await insertPartner(owner);
  for (const { currency, commissionAmount } of sales) {
    await insertClick(owner, { partnerId, clickedAt: AT });
    const orderAmount = '90000.00';
    const conversion = await insertConversion(owner, { partnerId, currency, orderAmount, convertedAt: AT });
    const conversionId = conversion.id;
    await insertCommission(owner, {
      partnerId,
      conversionId,
      currency,
      orderAmount,
      commissionAmount,
      createdAt: AT,
    });
  }
  return partnerId;
}

const inYen = await insertSeller(
  Array.from({ length: 12 }, () => ({ currency: 'JPY', commissionAmount: '2500' })),
);
const inDollars = await insertSeller([
  ...Array.from({ length: 12 }, () => ({ currency: 'USD', commissionAmount: '1000.00' })),
  { currency: 'JPY', commissionAmount: '100' },
]);
await rebuildRollups({ db }, { programId: 'default', from: AT, to: new Date('2026-03-11') });
const get = await openDashboards(t, db);

t.test(
  'a tier is recommended by what was earned in the currency of the marks, whichever is shown',
  async (t) => {
    const { data } = await get(`partner-tiers?${RANGE}&currency=JPY`);
    t.match(data, [
      {
        partnerId: inYen,
        totalEarnings: 30_000,
        totalCommissions: 12,
        conversionRate: 100,
        recommendedTier: 'bronze',
        tierUpgradeEligible: false,
        tierUpgradeReason: 'Insufficient data (minimum 10 commissions required)',
      },
      {
        partnerId: inDollars,
        totalEarnings: 100,
        totalCommissions: 1,
        recommendedTier: 'gold',
        tierUpgradeEligible: true,
        tierUpgradeReason: /earnings of 12000\.00 USD/,
      },
    ]);
    const [own] = (await get(`partner-tiers?${RANGE}&currency=JPY`, partnerIdentity(inDollars))).data;
    t.match(own, { partnerId: inDollars, totalEarnings: 100, recommendedTier: 'gold' });
  },
);

t.test('the advice is the same in every currency, and follows that of the programme', async (t) => {
  const advice = async (query: string): Promise<string[]> => {
    const { data } = await get(`partner-tiers?${RANGE}${query}`);
    return data
      .map(({ partnerId, recommendedTier, tierUpgradeReason }: Record<string, string>) =>
        [partnerId, recommendedTier, tierUpgradeReason].join(' '),
      )
      .sort();
  };
  const usual = await advice('');
  for (const currency of ['USD', 'JPY', 'EUR'])
    t.same(await advice(`&currency=${currency}`), usual, currency);
  await owner.query(`INSERT INTO settings (key, value) VALUES ('currency', '"JPY"')`);
  t.match(await advice('&currency=USD'), [
    new RegExp(`^${inYen} platinum`),
    new RegExp(`^${inDollars} bronze Insufficient`),
  ]);
});
