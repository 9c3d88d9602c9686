import { newId, systemClock } from '@tributary/runtime';
import { createTestDatabase } from '@tributary/testkit';
import type { TestScope } from '@tributary/testkit';
import t from 'tap';
import type { AttemptResult } from '../src/deliveries/http-attempt.ts';
import { DEFAULT_BREAKER, observeHealth, recordHealth } from '../src/deliveries/endpoint-health.ts';
import type { AttemptRecord } from '../src/deliveries/record-attempts.ts';
import { disableEndpoints } from '../src/endpoints/auto-disable.ts';
import { admin, createDispatcher, createEndpoint, insertPartner } from './harness.ts';

const BEFORE = 'https://before.example/';
const AFTER = 'https://after.example/';
const breaker = { ...DEFAULT_BREAKER, threshold: 2 };

/** An endpoint that has been moved, and attempts at it. */
async function createMovedEndpoint(t: TestScope) {
  const { db } = await createTestDatabase(t);
  const dispatcher = await createDispatcher(t, db);
  const partnerId = await insertPartner(db);
  const { id } = await createEndpoint(dispatcher, { partnerId, url: BEFORE });
  await dispatcher.call(admin, 'PATCH', `/webhooks/endpoints/${id}`, { url: AFTER });
  const attemptAt = (url: string, statusCode: number): AttemptRecord => ({
    delivery: {
      programId: 'default',
      id: newId(),
      endpointId: id,
      partnerId,
      eventId: newId(),
      eventType: 'commission.paid',
      body: '{}',
      attempts: 0,
      roundStart: 0,
      claimToken: '1',
      occurredAt: new Date(),
      url,
      secretCiphertext: '',
      previousSecrets: [],
      rateLimitPerSecond: 100,
      retryDelaysSeconds: null,
      lane: 'main',
      circuitState: 'closed',
      consecutiveFailures: 0,
    },
    attemptedAt: new Date(),
    result: resultOf(statusCode),
    verdict: { status: 'failed' },
  });
  return {
    conclude: (records: readonly AttemptRecord[]) =>
      recordHealth(
        db,
        observeHealth(records, () => 'main'),
        breaker,
      ),
    disable: (verdicts: Parameters<typeof disableEndpoints>[1]) =>
      disableEndpoints({ db, clock: systemClock, publish: () => undefined }, verdicts),
    attemptAt,
    verdictAt: (url: string) => ({ programId: 'default', endpointId: id, url, reason: 'gone' as const }),
    endpoint: async () => (await dispatcher.call(admin, 'GET', `/webhooks/endpoints/${id}`)).body.data,
  };
}

const resultOf = (statusCode: number): AttemptResult => ({
  ok: statusCode === 200,
  statusCode,
  error: statusCode === 200 ? null : `http_${statusCode}`,
  responseExcerpt: null,
  durationMs: 5,
  retryAfterSeconds: undefined,
});

t.test('what an address answered is not held against the one that took its place', async (t) => {
  const { conclude, attemptAt, endpoint } = await createMovedEndpoint(t);
  const verdicts = await conclude([500, 500, 410].map((status) => attemptAt(BEFORE, status)));
  t.strictSame(verdicts, []);
  t.match(await endpoint(), { consecutiveFailures: 0, circuitState: 'closed', failingSince: null });
});

t.test('in one batch each address answers for itself', async (t) => {
  const { conclude, attemptAt, endpoint } = await createMovedEndpoint(t);
  const verdicts = await conclude([attemptAt(BEFORE, 410), attemptAt(AFTER, 500), attemptAt(BEFORE, 200)]);
  t.strictSame(verdicts, [], 'the present one is not gone');
  t.match(await endpoint(), { consecutiveFailures: 1, circuitState: 'closed' });
});

t.test('an endpoint that has moved since the verdict is not switched off', async (t) => {
  const { conclude, disable, attemptAt, verdictAt, endpoint } = await createMovedEndpoint(t);
  await disable([verdictAt(BEFORE)]);
  t.match(await endpoint(), { status: 'enabled', disabledReason: null });
  const verdicts = await conclude([attemptAt(AFTER, 410)]);
  t.strictSame(verdicts, [verdictAt(AFTER)]);
  await disable(verdicts);
  t.match(await endpoint(), { status: 'auto_disabled', disabledReason: /410/ });
});
