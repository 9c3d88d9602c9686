import { insertPartner, insertReferralCode, insertRow } from '@tributary/testkit';
import t from 'tap';
import { openShop, settled } from './shop-under-test.ts';
import { click } from './tracking-under-test.ts';

const { db, tracking, ann, bob, order, post, clickOf, age } = await openShop(t);

t.test('of several clicks the last valid one within the window is credited', async (t) => {
  const old = await clickOf(bob, 'wanderer');
  await age(old.clickId, 31);
  const early = await clickOf(ann, 'wanderer');
  await age(early.clickId, 5);
  const late = await clickOf(bob, 'wanderer', { subId: 'late' });
  await age(late.clickId, 3);
  const suspended = await insertPartner(db, { status: 'suspended' });
  await clickOf(suspended, 'wanderer');
  await clickOf(ann, 'wanderer', {}).then((last) => age(last.clickId, 4));
  const byOldClick = settled(await post(order({ clickId: old.clickId })));
  t.match(byOldClick.conversions, [{ partnerId: bob.id, clickId: late.clickId, subId: 'late' }]);
  const bySession = settled(await post(order({ sessionId: 'wanderer' })));
  t.match(bySession.conversions, [{ partnerId: bob.id, clickId: late.clickId }]);
  const placedEarlier = settled(
    await post(
      order({ sessionId: 'wanderer', convertedAt: new Date(Date.now() - 3.5 * 86_400_000).toISOString() }),
    ),
  );
  t.match(placedEarlier.conversions, [{ partnerId: ann.id }], 'clicks after the order do not count');
});

t.test('a duplicate leads to the click it repeats, a bot to nobody', async (t) => {
  const original = await clickOf(ann, 'device-1', { fingerprint: 'same device' });
  const repeated = await clickOf(ann, 'device-1-without-cookie', { fingerprint: 'same device' });
  t.equal(repeated.status, 'duplicate');
  t.match(settled(await post(order({ clickId: repeated.clickId }))).conversions, [
    { clickId: original.clickId },
  ]);
  const bot = await click(tracking, { referralCode: ann.referralCode }, { userAgent: 'curl/8.0 Googlebot' });
  t.match(settled(await post(order({ clickId: bot.clickId }))).conversions, []);
});

t.test('a coupon is credited alone, beside a click it only helps out', async (t) => {
  await clickOf(ann, 'coupon-user');
  const coupon = settled(
    await post(order({ referralCode: bob.referralCode.toLowerCase(), sessionId: 'coupon-user' })),
  );
  t.match(coupon.conversions, [
    { partnerId: bob.id, clickId: null, referralCode: bob.referralCode, attributionWeight: 1 },
  ]);
  const retired = await insertReferralCode(db, bob.id, { status: 'inactive' });
  const unused = settled(await post(order({ referralCode: retired.code, sessionId: 'coupon-user' })));
  t.match(unused.conversions, [{ partnerId: ann.id }], "nobody's coupon");
  const stale = await clickOf(bob, 'stale');
  await age(stale.clickId, 40);
  const helped = settled(await post(order({ clickId: stale.clickId, referralCode: bob.referralCode })));
  t.match(helped.conversions, [{ partnerId: bob.id, clickId: null }]);
});

t.test('a customer is recognised by the clicks of earlier orders', async (t) => {
  const { clickId } = await clickOf(ann, 'phone of a customer');
  const first = settled(await post(order({ clickId, customerRef: 'customer-7' })));
  t.match(first.conversions, [{ partnerId: ann.id, isNewCustomer: true }]);
  const second = settled(await post(order({ customerRef: 'customer-7' })));
  t.match(second.conversions, [{ partnerId: ann.id, clickId, isNewCustomer: false }]);
  const stranger = settled(await post(order({ customerRef: 'customer-8' })));
  t.same(stranger.conversions, []);
});

t.test('the setting of the model is obeyed once its event comes', async (t) => {
  const first = await clickOf(ann, 'two minds');
  await age(first.clickId, 2);
  await clickOf(bob, 'two minds');
  await insertRow(db, 'settings', { key: 'attributionModel', value: 'linear' });
  tracking.onEvent({ type: 'setting.changed' } as never);
  const split = settled(await post(order({ sessionId: 'two minds', orderAmount: 33.33 })));
  t.same(
    split.conversions.map((one) => [one.partnerId, one.attributionWeight, one.attributedAmount]),
    [
      [bob.id, 0.5, 16.67],
      [ann.id, 0.5, 16.66],
    ],
  );
  const own = await tracking.get(`/tracking/conversions/${split.conversions[1]?.id}`, {
    role: 'partner',
    partnerId: ann.id,
  });
  t.match(own.body.data, { attributionPath: [{ partnerId: ann.id }], metadata: {} });
  t.notMatch(JSON.stringify(own.body.data), bob.id, 'no other partner in it');
  await db.query(`UPDATE settings SET value = '"last_touch"'`);
  tracking.onEvent({ type: 'setting.changed' } as never);
});
