import t from 'tap';

import {
  EVENT_TYPES,
  PARTNER_EVENT_TYPES,
  STREAMS,
  eventCatalog,
  exampleEvent,
  findWriterFaults,
  isEventType,
  parseEvent,
  streamOf,
} from './index.ts';

t.test('every type has an example that a writer could have sent', async (t) => {
  for (const type of EVENT_TYPES) t.strictSame(findWriterFaults(exampleEvent(type)), [], type);
});

t.test('every type falls under a subject of its stream, and of no other', async (t) => {
  for (const type of EVENT_TYPES) {
    const family = `${type.split('.')[0]}.*`;
    const homes = Object.values(STREAMS).filter((stream) =>
      stream.subjects.some((subject) => subject === family),
    );
    t.strictSame(
      homes.map((stream) => stream.name),
      [streamOf(type)],
      type,
    );
    t.equal(type.split('.').length, 2, `${type} is matched by a one-token wildcard`);
  }
});

t.test(
  'partners see commissions, conversions, their tier and their broken endpoints, each naming the partner',
  async (t) => {
    const expected = EVENT_TYPES.filter(
      (type) =>
        type.startsWith('commission.') ||
        type.startsWith('conversion.') ||
        type === 'partner.tier_changed' ||
        type === 'webhook_endpoint.auto_disabled' ||
        type === 'webhook_endpoint.circuit_opened',
    );
    t.strictSame(PARTNER_EVENT_TYPES, expected);
    for (const type of PARTNER_EVENT_TYPES)
      t.ok(Object.hasOwn(eventCatalog[type].dataSchema.shape, 'partnerId'), type);
  },
);

t.test('a reader keeps fields it does not know, a writer must not send them', async (t) => {
  const event = exampleEvent('commission.adjusted');
  const newer = { ...event, traceId: 'x', data: { ...event.data, currencyRate: 1.2 } };
  t.strictSame(parseEvent(newer), { outcome: 'valid', event: newer });
  t.match(findWriterFaults(newer), [/traceId/, /currencyRate/]);
});

t.test('a reader names each field that is wrong', async (t) => {
  const event = exampleEvent('commission.adjusted');
  const broken = {
    ...event,
    data: { ...event.data, currency: 'dollars', after: { status: 'lost', commissionAmount: '1' } },
  };
  const parsed = parseEvent(broken);
  const detail = parsed.outcome === 'invalid' ? parsed.detail : 'it was accepted';
  t.match(detail, /data\.currency/);
  t.match(detail, /data\.after\.status/);
  t.match(detail, /data\.after\.commissionAmount/);
});

t.test('anything at all is answered with an outcome, never an exception', async (t) => {
  for (const input of [
    null,
    undefined,
    7,
    'x',
    [],
    {},
    { type: 'commission.created' },
    { ...exampleEvent('job.queued'), id: 1 },
  ])
    t.equal(parseEvent(input).outcome, 'invalid');
  t.equal(parseEvent({ ...exampleEvent('job.queued'), type: 'job.vanished' }).outcome, 'unknown_type');
  t.equal(parseEvent({ ...exampleEvent('job.queued'), type: 'toString' }).outcome, 'unknown_type');
  t.notOk(isEventType('constructor'));
});

t.test('timestamps as Postgres prints them into jsonb are accepted', async (t) => {
  const event = exampleEvent('commission.created');
  const fromSql = { ...event, data: { ...event.data, createdAt: '2026-03-02T10:00:01.123456+00:00' } };
  t.equal(parseEvent(fromSql).outcome, 'valid');
});

t.test('a writer who forgets an id of the subject is told', async (t) => {
  const event = exampleEvent('commission.created');
  t.match(findWriterFaults({ ...event, subject: { partnerId: 'x' } }), [/commissionId/]);
});
