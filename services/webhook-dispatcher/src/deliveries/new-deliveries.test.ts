import { createLogger } from '@tributary/runtime';
import t from 'tap';
import type { ClaimedDelivery } from './claimed-delivery.ts';
import { NewDeliveries } from './new-deliveries.ts';
import type { Recorded } from './new-deliveries.ts';

const delivery = (id: string): ClaimedDelivery => ({
  programId: 'default',
  id,
  endpointId: 'endpoint',
  partnerId: 'partner',
  eventId: id,
  eventType: 'commission.paid',
  body: '{}',
  attempts: 0,
  roundStart: 0,
  claimToken: '1',
  occurredAt: new Date(),
  url: 'https://partner.example/',
  secretCiphertext: '',
  previousSecrets: [],
  rateLimitPerSecond: 100,
  retryDelaysSeconds: null,
  lane: 'main',
  circuitState: 'closed',
  consecutiveFailures: 0,
});

const recorded = (id: string): Recorded => ({
  record: {
    delivery: delivery(id),
    attemptedAt: new Date(),
    result: {
      ok: true,
      statusCode: 200,
      error: null,
      responseExcerpt: null,
      durationMs: 1,
      retryAfterSeconds: undefined,
    },
    verdict: { status: 'delivered' },
  },
  lane: 'main',
});

/** Rows as they were written, and what came for rows that stood already. */
function collect(write: (text: string[]) => void | Promise<void> = () => undefined) {
  const rows: string[] = [];
  const late: string[] = [];
  const deliveries = new NewDeliveries({
    logger: createLogger({ service: 'test', level: 'silent' }),
    write: async (batch) => {
      const texts = batch.map(
        ({ delivery: { id }, record, isClaimed }) =>
          `${id} ${record?.verdict.status ?? (isClaimed ? 'claimed' : 'waiting')}`,
      );
      await write(texts);
      rows.push(...texts);
    },
    onResult: ({ record }) => late.push(`${record.delivery.id} result`),
    onReleased: ({ id }) => late.push(`${id} released`),
  });
  return { deliveries, rows, late };
}

t.test('a result that comes soon is written with its row, once', async (t) => {
  const { deliveries, rows, late } = collect();
  const written = deliveries.begin(delivery('a'), 0);
  deliveries.writeOverdue(100);
  t.ok(deliveries.attempted(recorded('a')));
  await written;
  deliveries.writeOverdue(10_000);
  await deliveries.flush();
  t.strictSame(rows, ['a delivered']);
  t.strictSame(late, []);
  t.notOk(deliveries.attempted(recorded('a')), 'its row stands: the next result is an update');
});

t.test('an attempt that takes long gets its row first, and its result goes after it', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { deliveries, rows, late } = collect(() => gate.promise);
  const written = deliveries.begin(delivery('a'), 0);
  void deliveries.begin(delivery('b'), 200);
  deliveries.writeOverdue(300);
  t.ok(deliveries.attempted(recorded('a')), 'while the row is being written it waits');
  t.strictSame(late, []);
  gate.resolve();
  await written;
  t.strictSame(rows, ['a claimed'], 'the younger one may still be soon');
  t.strictSame(late, ['a result']);
});

t.test('what is left or given back is written for whoever has room', async (t) => {
  const { deliveries, rows, late } = collect();
  const left = deliveries.leave(delivery('a'), 0);
  const given = deliveries.begin(delivery('b'), 0);
  t.ok(deliveries.released(delivery('b')));
  await Promise.all([left, given]);
  t.strictSame(rows, ['a waiting', 'b waiting']);
  t.notOk(deliveries.released(delivery('b')));
  t.strictSame(late, []);
});

t.test('a row that Postgres refuses fails its own event and no other', async (t) => {
  const { deliveries, rows } = collect((texts) => {
    if (texts.some((text) => text.startsWith('bad'))) throw new Error('refused');
  });
  const bad = deliveries.leave(delivery('bad'), 0);
  const good = deliveries.leave(delivery('good'), 0);
  await t.rejects(bad, /refused/);
  await good;
  t.strictSame(rows, ['good waiting']);
});
