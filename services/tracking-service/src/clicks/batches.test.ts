import t from 'tap';
import { canRepeat, takeBatch } from './batches.ts';
import { momentOf, type NewClick } from './click.ts';

let clicks = 0;

function waiting(fields: Partial<NewClick>): { click: NewClick } {
  clicks += 1;
  const click: NewClick = {
    id: `01980000-0000-7000-8000-${String(clicks).padStart(12, '0')}`,
    programId: 'default',
    partnerId: '01980000-0000-7000-8000-000000000000',
    productId: null,
    referralCode: 'CODE',
    subId: null,
    landingUrl: null,
    referrer: null,
    utmSource: null,
    utmMedium: null,
    utmCampaign: null,
    source: 'web',
    status: 'valid',
    visitorHash: null,
    fingerprintHash: null,
    ipAnonymized: null,
    userAgent: null,
    clickedAt: new Date(),
    ...fields,
  };
  return { click };
}

/** What became of each: taken, taken as a twin, or left. */
function fates(queue: { click: NewClick }[], limit = 100): string[] {
  const { taken, left } = takeBatch(queue, limit);
  t.equal(taken.length + left.length, queue.length);
  return queue.map((one) => {
    if (left.includes(one)) return 'left';
    return taken.find((other) => other.waiting === one)?.isTwin === true ? 'twin' : 'taken';
  });
}

t.test('clicks without a common key are taken together', async (t) => {
  const queue = [
    waiting({ visitorHash: 'a' }),
    waiting({ visitorHash: 'b' }),
    waiting({ visitorHash: 'a', referralCode: 'OTHER' }),
    waiting({ fingerprintHash: 'a' }),
    waiting({}),
    waiting({}),
  ];
  t.same(
    fates(queue),
    Array.from(queue, () => 'taken'),
  );
});

t.test('the same keys throughout make a twin, a part of them waits', async (t) => {
  const queue = [
    waiting({ visitorHash: 'a', fingerprintHash: 'f' }),
    waiting({ visitorHash: 'a', fingerprintHash: 'f' }),
    waiting({ visitorHash: 'a', fingerprintHash: 'g' }),
    waiting({ visitorHash: 'a' }),
    waiting({ fingerprintHash: 'f' }),
    waiting({ visitorHash: 'b', fingerprintHash: 'g' }),
  ];
  // One with fewer keys waits as well: the first may repeat a click that it does not.
  t.same(fates(queue), ['taken', 'twin', 'left', 'left', 'left', 'taken']);
});

t.test('what cannot be a duplicate waits for nobody', async (t) => {
  const queue = [
    waiting({ visitorHash: 'a' }),
    waiting({ visitorHash: 'a', status: 'bot' }),
    waiting({ visitorHash: 'a', status: 'internal' }),
  ];
  t.same(fates(queue), ['taken', 'taken', 'taken']);
  t.same(
    queue.map(({ click }) => canRepeat(click)),
    [true, false, false],
  );
});

t.test('a batch is of one programme and no larger than the limit, in the order of arrival', async (t) => {
  const queue = [
    waiting({ visitorHash: 'a' }),
    waiting({ visitorHash: 'a', programId: 'other' }),
    waiting({ visitorHash: 'b' }),
    waiting({ visitorHash: 'c' }),
    waiting({ visitorHash: 'd' }),
  ];
  t.same(fates(queue, 3), ['taken', 'left', 'taken', 'taken', 'left']);
});

t.test('a UUIDv7 tells its moment', async (t) => {
  t.equal(momentOf('01980000-0000-7000-8000-000000000000').getTime(), 0x0198_0000_0000);
});
