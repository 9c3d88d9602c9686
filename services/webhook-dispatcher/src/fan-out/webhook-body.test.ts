import { exampleEvent, PARTNER_EVENT_TYPES } from '@tributary/event-catalog';
import { UnprocessableEventError } from '@tributary/messaging';
import t from 'tap';
import { MAX_BODY_BYTES, outgoingEvent, webhookBody } from './webhook-body.ts';

const example = exampleEvent('commission.adjusted');

t.test('of every type that partners may see the example makes a body, far below the limit', async (t) => {
  for (const type of PARTNER_EVENT_TYPES) {
    const event = exampleEvent(type);
    const body = webhookBody(event);
    t.ok(Buffer.byteLength(body) < MAX_BODY_BYTES / 4, type);
    t.strictSame(Object.keys(JSON.parse(body)), ['id', 'type', 'timestamp', 'data'], type);
  }
});

t.test('neither who caused it nor fields that the schema does not name are in it', async (t) => {
  const body = webhookBody({
    ...example,
    data: { ...example.data, internalNote: 'do not pay', approvedBy: 'Ada Admin' } as typeof example.data,
  });
  t.notOk(/internalNote|Ada Admin|actor|requestId/.test(body));
  t.strictSame(JSON.parse(body).data, example.data);
});

t.test('what would be 20 kB goes to nobody, whatever its letters weigh', async (t) => {
  const withReason = (reason: string) =>
    outgoingEvent({ ...example, data: { ...example.data, reason } as typeof example.data });
  const spare = MAX_BODY_BYTES - Buffer.byteLength(withReason('').body);
  t.equal(Buffer.byteLength(withReason('x'.repeat(spare - 1)).body), MAX_BODY_BYTES - 1);
  t.throws(() => withReason('x'.repeat(spare)), UnprocessableEventError);
  t.throws(() => withReason('€'.repeat(spare / 2)), UnprocessableEventError);
});

t.test('an event that names no partner goes to nobody', async (t) => {
  const { partnerId: _, ...data } = example.data;
  t.throws(() => outgoingEvent({ ...example, data: data as typeof example.data }), UnprocessableEventError);
});
