import { isDeepStrictEqual } from 'node:util';

import { createWebhookReceiver, type ReceivedRequest, waitFor } from '@tributary/testkit';
import { Webhook } from 'standardwebhooks';
import t from 'tap';

import { clientOf, dataOf, loggedIn } from '../api-client.ts';
import { funnelBySql } from '../funnel-by-sql.ts';
import { startPlatform } from '../platform.ts';

const platform = await startPlatform(t);
const { db } = platform;
const visitor = clientOf(platform);
const shop = clientOf(platform, platform.apiKey);
const admin = await loggedIn(platform, platform.admin);
const partner = await loggedIn(platform, platform.partner);

const BROWSER = {
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36',
};
const CRAWLER = { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' };
const BY_TEST = { 'user-agent': 'end-to-end/1.0' };

/** From a bare hour to some time to come: rollups and rows of the present both have a part in it. */
const RANGE = {
  dateFrom: new Date(Date.now() - 3_600_000).toISOString(),
  dateTo: new Date(Date.now() + 86_400_000).toISOString(),
};
const inRange = new URLSearchParams(RANGE).toString();

const click = (body: object, headers = BROWSER) => visitor('POST', '/tracking/click', { body, headers });
const funnel = () => dataOf(admin('GET', `/dashboard/funnel?${inRange}`));

async function makeCatalogue() {
  const product = await dataOf(
    admin('POST', '/products', {
      body: { sku: 'LAMP-1', name: 'Reading lamp', category: 'lighting', price: 200, currency: 'USD' },
    }),
    201,
  );
  const policies = [
    { code: 'everything', name: 'Everything', type: 'percentage', rate: 5 },
    { code: 'lighting', name: 'Lighting', type: 'percentage', rate: 8, category: 'lighting' },
    { code: 'lamp', name: 'This lamp', type: 'percentage', rate: 12.5, productId: product.id, holdDays: 14 },
    {
      code: 'silver-only',
      name: 'Silver partners',
      type: 'percentage',
      rate: 50,
      partnerTier: 'silver',
      priority: 9,
    },
    {
      code: 'large-orders',
      name: 'Large orders',
      type: 'percentage',
      rate: 40,
      productId: product.id,
      minOrderAmount: 5_000,
      priority: 9,
    },
  ];
  for (const body of policies) await dataOf(admin('POST', '/policies', { body }), 201);
}

await makeCatalogue();

function verified(
  secret: string,
  { body, headers }: ReceivedRequest,
): { id: string; type: string; data: Record<string, unknown> } {
  return new Webhook(secret).verify(body, headers as Record<string, string>) as ReturnType<typeof verified>;
}

t.test(
  'a click becomes a commission that is adjusted, confirmed and paid; books, webhooks and figures follow',
  async (t) => {
    const receiver = await createWebhookReceiver(t);
    const endpoint = await dataOf(
      partner('POST', '/webhooks/endpoints', { body: { url: receiver.url, eventTypes: [] } }),
      201,
    );
    t.match(endpoint.secret, /^whsec_/);
    t.same(await funnel(), await funnelBySql(db, RANGE), 'the funnel before');

    const visit = {
      referralCode: 'harbour',
      sessionId: 'visitor-1',
      subId: 'newsletter',
      landingUrl: 'https://shop.example.com/lamps',
    };
    const first = await click(visit);
    t.match(first, { status: 201, body: { success: true, data: { status: 'valid' } } });
    t.match((await click(visit)).body.data, { status: 'duplicate' });
    t.match((await click({ ...visit, sessionId: 'visitor-2' }, CRAWLER)).body.data, { status: 'bot' });

    const order = {
      orderId: 'shop-1001',
      sku: 'LAMP-1',
      orderAmount: 480,
      currency: 'USD',
      quantity: 2,
      clickId: first.body.data.clickId,
      customerRef: 'customer-7',
      confirmed: true,
    };
    const posted = await shop('POST', '/tracking/conversion', { body: order });
    t.match(posted, {
      status: 201,
      body: {
        data: {
          conversions: [
            {
              orderId: 'shop-1001',
              partnerId: platform.partnerId,
              status: 'confirmed',
              subId: 'newsletter',
              attributedAmount: 480,
            },
          ],
          commissions: [{ status: 'pending', commissionAmount: 60, commissionRate: 12.5, policyVersion: 1 }],
        },
      },
    });
    const again = await shop('POST', '/tracking/conversion', { body: { ...order, clickId: undefined } });
    t.equal(again.status, 200, 'the same order again');
    t.equal(again.body.data.conversions[0].id, posted.body.data.conversions[0].id);
    const contradicted = await shop('POST', '/tracking/conversion', { body: { ...order, orderAmount: 481 } });
    t.match(contradicted, { status: 409, body: { success: false, status: 409, code: /^[A-Z_]+$/ } });

    const { id } = posted.body.data.commissions[0];
    const explained = await dataOf(admin('GET', `/operations/commissions/${id}/explain`));
    const text = JSON.stringify(explained);
    for (const code of ['everything', 'lighting', 'lamp', 'silver-only', 'large-orders'])
      t.match(text, new RegExp(`"${code}"`), `${code} was considered`);

    const act = (action: string, body: object) =>
      admin('POST', `/operations/commissions/${id}/${action}`, {
        body,
        headers: { ...BY_TEST, 'x-request-id': `e2e-${action}` },
      });
    t.match(await act('pay', { paymentMethod: 'bank_transfer', paymentReference: 'T-1' }), {
      status: 409,
      body: { detail: /pending/ },
    });
    t.match(await act('adjust', { newAmount: 55.5, reason: 'Agreed by phone', reasonCode: 'negotiated' }), {
      status: 200,
      body: { data: { commissionAmount: 55.5, status: 'pending', version: 2 } },
    });
    t.match(await act('confirm', { reason: 'The customer keeps it' }), {
      status: 200,
      body: { data: { status: 'confirmed' } },
    });
    t.match(await act('pay', { paymentMethod: 'bank_transfer', paymentReference: 'T-1' }), {
      status: 200,
      body: { data: { status: 'paid', paymentReference: 'T-1', version: 4 } },
    });
    t.match(await act('adjust', { newAmount: 1, reason: 'Too late' }), { status: 409 });

    const clawedBack = await act('clawback', { amount: 5.5, reason: 'A part came back' });
    t.match(clawedBack, { status: 201, body: { data: { kind: 'clawback', commissionAmount: -5.5 } } });

    const figures = await waitFor(
      async () => {
        const shown = await funnel();
        return isDeepStrictEqual(shown, await funnelBySql(db, RANGE)) && shown;
      },
      { what: 'the funnel to equal SQL', timeoutMs: 30_000 },
    );
    t.match(figures, { statusBreakdown: { paid: 1 }, totalClawedBack: 5.5 });
    t.match(figures, {
      totalClicks: 1,
      totalConversions: 1,
      totalCommissions: 1,
      totalRevenue: 480,
      totalCommissionAmount: 55.5,
    });

    const trail = (await dataOf(admin('GET', `/operations/audit-trail/commission/${id}`))).toReversed();
    t.same(
      trail.map(({ action }: { action: string }) => action),
      ['created', 'adjusted', 'confirmed', 'paid'],
    );
    for (const entry of trail.slice(1)) {
      t.match(entry, {
        actor: 'Ada Admin',
        ipAddress: '127.0.0.1',
        userAgent: BY_TEST['user-agent'],
        requestId: /^e2e-/,
      });
      t.match(entry.userId, /^[0-9a-f-]{36}$/);
    }
    t.match(trail[0], { actor: 'development key' });
    t.match(trail[1], { reason: 'Agreed by phone', reasonCode: 'negotiated', description: /60.* 55.5/ });

    const [ofClawBack] = await dataOf(
      admin('GET', `/operations/audit-trail/commission/${clawedBack.body.data.id}`),
    );
    t.match(ofClawBack, { action: 'clawed_back', actor: 'Ada Admin', reason: 'A part came back' });

    const requests = await receiver.received(7);
    const bodies = requests.map((request) => verified(endpoint.secret, request));
    const told = [
      'commission.adjusted',
      'commission.clawed_back',
      'commission.confirmed',
      'commission.created',
      'commission.paid',
      'conversion.confirmed',
      'conversion.recorded',
    ];
    t.same(bodies.map(({ type }) => type).toSorted(), told);
    t.equal(new Set(requests.map(({ headers }) => headers['webhook-id'])).size, 7);
    t.match(bodies.find(({ type }) => type === 'commission.adjusted')?.data, { commissionId: id });
    t.notMatch(
      requests.map(({ body }) => body).join('\n'),
      /Ada Admin|development key/,
      'partners are not told who',
    );
    const [request] = requests;
    const otherSecret = `whsec_${Buffer.alloc(24).toString('base64')}`;
    t.throws(() => request && verified(otherSecret, request), 'another secret');
  },
);

t.test('the nightly job, started by hand, confirms what is due and nothing else', async (t) => {
  const post = async (orderId: string) => {
    const body = {
      orderId,
      sku: 'LAMP-1',
      orderAmount: 100,
      currency: 'USD',
      referralCode: 'HARBOUR',
      confirmed: true,
    };
    const { commissions } = await dataOf(shop('POST', '/tracking/conversion', { body }), 201);
    return commissions[0].id;
  };
  const [due, early, held] = [await post('due'), await post('early'), await post('held')];
  await dataOf(admin('POST', `/operations/commissions/${held}/hold`, { body: { reason: 'Looks odd' } }));
  await db.query(
    `UPDATE commissions SET hold_until = now() - interval '1 minute' WHERE id = ANY($1::uuid[])`,
    [[due, held]],
  );

  const queued = await admin('POST', '/operations/jobs/confirm-due-commissions/run', { body: {} });
  t.equal(queued.status, 202);
  const job = await waitFor(
    async () => {
      const found = await dataOf(admin('GET', `/operations/jobs/${queued.body.data.id}`));
      return ['succeeded', 'failed'].includes(found.status) && found;
    },
    { what: 'the job to end' },
  );
  t.match(job, {
    name: 'confirm-due-commissions',
    trigger: 'manual',
    status: 'succeeded',
    total: 1,
    succeeded: 1,
    failed: 0,
  });
  const statusOf = async (id: string) => (await dataOf(admin('GET', `/operations/commissions/${id}`))).status;
  t.same(
    [await statusOf(due), await statusOf(early), await statusOf(held)],
    ['confirmed', 'pending', 'pending'],
  );
  const [newest] = await dataOf(admin('GET', `/operations/audit-trail/commission/${due}`));
  t.match(newest, { action: 'confirmed', actor: 'system:confirm-due-commissions', userId: null });
});

t.test("a partner sees its own records and figures, and nobody else's", async (t) => {
  const other = await dataOf(
    admin('POST', '/partners', {
      body: { name: 'Other', email: 'other@example.com', referralCode: 'OTHER1' },
    }),
    201,
  );
  const body = {
    orderId: 'other-1',
    sku: 'LAMP-1',
    orderAmount: 300,
    currency: 'USD',
    referralCode: 'OTHER1',
    confirmed: true,
  };
  const foreign = await dataOf(shop('POST', '/tracking/conversion', { body }), 201);
  const { body: clicked } = await click({ referralCode: 'OTHER1', sessionId: 'visitor-9' });
  const endpoint = await dataOf(
    admin('POST', '/webhooks/endpoints', { body: { partnerId: other.id, url: 'https://example.com/hooks' } }),
    201,
  );
  const foreignPaths = [
    `/tracking/conversions/${foreign.conversions[0].id}`,
    `/tracking/clicks/${clicked.data.clickId}`,
    `/webhooks/endpoints/${endpoint.id}`,
  ];
  for (const path of foreignPaths) {
    t.equal((await admin('GET', path)).status, 200, `${path} exists`);
    t.match(await partner('GET', path), { status: 404, body: { code: /_NOT_FOUND$/ } }, `${path} is hidden`);
  }
  t.equal((await partner('DELETE', `/webhooks/endpoints/${endpoint.id}`)).status, 404);
  for (const path of [
    '/tracking/conversions',
    '/tracking/clicks',
    '/tracking/commissions',
    '/webhooks/endpoints',
    '/webhooks/deliveries',
  ]) {
    const { body } = await partner('GET', `${path}?limit=100`);
    t.ok(body.data.length > 0, `${path} lists its own`);
    t.notMatch(JSON.stringify(body), other.id, `${path} lists no other's`);
  }
  for (const path of [
    '/operations/commissions',
    '/operations/activity/recent',
    '/partners',
    '/settings',
    '/users',
  ])
    t.match(await partner('GET', path), { status: 403, body: { code: 'FORBIDDEN' } }, path);
  t.match(
    await partner('POST', '/webhooks/endpoints', {
      body: { partnerId: other.id, url: 'https://example.com/' },
    }),
    { status: /4\d\d/ },
  );
  await waitFor(async () => (await funnel()).totalConversions === 5, { what: 'all orders in the funnel' });
  const own = await dataOf(partner('GET', `/dashboard/funnel?${inRange}`));
  t.same(own, await funnelBySql(db, { ...RANGE, partnerId: platform.partnerId }));
  t.equal(own.totalConversions, 4);
  t.same(await funnel(), await funnelBySql(db, RANGE));
});

t.test('nothing that happened here was an error to any service', async (t) => {
  t.same(await platform.errors(), []);
});
