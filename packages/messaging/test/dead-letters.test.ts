import { DatabaseUnavailableError } from '@tributary/schema';
import { createTestDatabase, waitFor } from '@tributary/testkit';
import t from 'tap';

import { defineConsumer, replayDeadLetter, UnprocessableEventError } from '../src/index.ts';
import { inspectNats, listDeadLetters, newEvent, startProcess } from './harness.ts';

const { db } = await createTestDatabase(t);

t.beforeEach(async () => {
  await db.query('DELETE FROM dead_letters');
});

const FAST = { backoffMs: [20], maxDeliver: 3 };

t.test('a handler that fails now and then is called again until it succeeds', async (t) => {
  const { publisher, start } = await startProcess(t, db);
  const attempts = new Map<string, number>();
  const done = new Set<string>();
  start(
    defineConsumer({
      name: 'shaky',
      types: ['commission.created'],
      ...FAST,
      handler: async ({ id }, { attempt }) => {
        attempts.set(id, attempt);
        if (attempt === 1) throw new Error('not yet');
        done.add(id);
      },
    }),
  );
  publisher.publish(Array.from({ length: 20 }, () => newEvent('commission.created')));
  await waitFor(() => done.size === 20);
  t.strictSame([...new Set(attempts.values())], [2]);
  t.strictSame(await listDeadLetters(db), []);
});

t.test('a poison message becomes a dead letter with its reason and delays nobody', async (t) => {
  const { nats, messaging, publisher, start } = await startProcess(t, db);
  const seen: string[] = [];
  const poison = newEvent('commission.created');
  start(
    defineConsumer({
      name: 'poisoned',
      types: ['commission.created'],
      concurrency: 1,
      ...FAST,
      handler: async ({ id }) => {
        if (id === poison.id) throw new TypeError('cannot digest this');
        seen.push(id);
      },
    }),
  );
  publisher.publish([poison, ...Array.from({ length: 50 }, () => newEvent('commission.created'))]);
  await waitFor(() => seen.length === 50);
  const [letter] = await waitFor(async () => {
    const letters = await listDeadLetters(db);
    return letters.length > 0 && letters;
  });
  const { createdAt: _createdAt, ...envelope } = poison;
  t.match(letter, {
    stream: 'COMMISSIONS',
    consumer: 'poisoned',
    eventId: poison.id,
    eventType: 'commission.created',
    reason: 'failed 3 times: TypeError: cannot digest this',
    deliveries: 3,
    replayedAt: null,
  });
  t.strictSame(letter?.payload, envelope);
  const jsm = await inspectNats(t, nats.url);
  await waitFor(async () => {
    const info = await jsm.consumers.info(messaging.names.stream('COMMISSIONS'), 'poisoned');
    return info.num_ack_pending === 0 && info.num_pending === 0;
  });
});

t.test(
  'what is no event at all is a dead letter at once, even where Postgres cannot keep its text',
  async (t) => {
    const { messaging, connection, start } = await startProcess(t, db);
    const seen: string[] = [];
    start(
      defineConsumer({
        name: 'strict',
        types: ['commission.paid'],
        handler: async ({ id }) => void seen.push(id),
      }),
    );
    const js = connection.jetstream();
    const subject = messaging.names.subject('commission.paid');
    await js.publish(subject, 'no json');
    await js.publish(subject, JSON.stringify({ id: 'x\0y', type: 'commission.paid', data: '\0' }));
    await js.publish(subject, JSON.stringify({ ...newEvent('commission.paid'), currency: 1, data: {} }));
    await js.publish(
      subject,
      JSON.stringify({ ...newEvent('commission.paid'), type: 'commission.invented' }),
    );
    const good = newEvent('commission.paid');
    await js.publish(subject, JSON.stringify(good));
    await waitFor(() => seen.length === 1);
    const letters = await waitFor(async () => {
      const rows = await listDeadLetters(db);
      return rows.length >= 3 && rows;
    });
    t.strictSame(seen, [good.id]);
    t.equal(letters.length, 3, "a type of a newer release is not this one's business");
    const of = (eventId: string | null) => letters.find((letter) => letter.eventId === eventId);
    t.strictSame(of(null)?.payload, { encoding: 'base64', raw: Buffer.from('no json').toString('base64') });
    t.equal(of('xy')?.payload['encoding'], 'base64', 'a NUL');
    t.equal(letters.filter(({ reason }) => /invalid event: data\./.test(reason)).length, 1);
  },
);

t.test('a handler that knows better sends a message straight to the dead letters', async (t) => {
  const { publisher, start } = await startProcess(t, db);
  start(
    defineConsumer({
      name: 'judge',
      types: ['commission.created'],
      handler: async () => {
        throw new UnprocessableEventError('no such thing');
      },
    }),
  );
  publisher.publish([newEvent('commission.created')]);
  const [letter] = await waitFor(async () => {
    const rows = await listDeadLetters(db);
    return rows.length > 0 && rows;
  });
  t.match(letter, { deliveries: 1, reason: 'UnprocessableEventError: no such thing' });
});

t.test('an outage of Postgres never makes dead letters, however often the handler failed', async (t) => {
  const { publisher, start } = await startProcess(t, db);
  let failures = 0;
  let done = false;
  start(
    defineConsumer({
      name: 'patient',
      types: ['commission.created'],
      backoffMs: [5],
      maxDeliver: 2,
      handler: async () => {
        failures += 1;
        if (failures < 10) throw new DatabaseUnavailableError('gone');
        done = true;
      },
    }),
  );
  publisher.publish([newEvent('commission.created')]);
  await waitFor(() => done);
  t.strictSame(await listDeadLetters(db), []);
});

t.test('a dead letter is replayed to the consumer that gave it up and to nobody else', async (t) => {
  const { messaging, publisher, start } = await startProcess(t, db);
  const bystander: string[] = [];
  const cured: string[] = [];
  let ill = true;
  const settings = { types: ['commission.refunded'], backoffMs: [5], maxDeliver: 1 } as const;
  start(
    defineConsumer({
      ...settings,
      name: 'patient-reader',
      handler: async ({ id }) => {
        if (ill) throw new Error('ill');
        cured.push(id);
      },
    }),
  );
  start(
    defineConsumer({ ...settings, name: 'bystander', handler: async ({ id }) => void bystander.push(id) }),
  );
  const event = newEvent('commission.refunded');
  publisher.publish([event]);
  const [letter] = await waitFor(async () => {
    const rows = await listDeadLetters(db);
    return rows.length > 0 && bystander.length > 0 && rows;
  });
  const id = letter?.id ?? '';
  ill = false;
  t.strictSame(await replayDeadLetter({ messaging, db }, { programId: 'default', id }), {
    outcome: 'replayed',
  });
  await waitFor(() => cured.length === 1);
  const marker = newEvent('commission.refunded');
  publisher.publish([marker]);
  await waitFor(() => bystander.includes(marker.id));
  t.strictSame(bystander, [event.id, marker.id]);
  t.ok((await listDeadLetters(db))[0]?.replayedAt);
  t.strictSame(await replayDeadLetter({ messaging, db }, { programId: 'other', id }), {
    outcome: 'not_found',
  });
});
