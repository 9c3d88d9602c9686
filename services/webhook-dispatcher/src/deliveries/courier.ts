import type { KeyObject } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { Clock } from '@tributary/runtime';
import { activeTracing } from '@tributary/tracing';
import { UnknownKeyError } from '../encryption/secret-box.ts';
import { signMessage } from '../signing/sign.ts';
import type { SigningKeys } from '../signing/signing-keys.ts';
import type { ClaimedDelivery } from './claimed-delivery.ts';
import { attemptHttp } from './http-attempt.ts';
import type { AttemptResult } from './http-attempt.ts';
import { judge } from './judge.ts';
import type { AttemptRecord } from './record-attempts.ts';

export interface CourierDeps {
  readonly dispatcher: Dispatcher;
  readonly signingKeys: SigningKeys;
  readonly deadlineMs: number;
  readonly clock: Clock;
}

export type CourierOutcome =
  | { readonly outcome: 'attempted'; readonly record: AttemptRecord }
  /** Nothing was sent: the endpoint's secret is sealed with a key that this process does not have. */
  | { readonly outcome: 'key_unknown'; readonly keyId: string };

/** Signs a delivery, sends it once and says what follows. Never throws: a failed attempt is a record like any other. */
export type Courier = (delivery: ClaimedDelivery) => Promise<CourierOutcome>;

const USER_AGENT = 'Tributary-Webhooks/1.0';

export function createCourier(deps: CourierDeps): Courier {
  const { dispatcher, signingKeys, deadlineMs, clock } = deps;
  return traced(async (delivery) => {
    const attemptedAt = clock();
    try {
      return attempted(
        await attemptHttp(
          { dispatcher, deadlineMs, now: clock },
          {
            url: new URL(delivery.url),
            headers: deliveryHeaders(delivery, signingKeys(delivery, attemptedAt), attemptedAt),
            body: delivery.body,
          },
        ),
      );
    } catch (error) {
      if (error instanceof UnknownKeyError) return { outcome: 'key_unknown', keyId: error.keyId };
      // The secret was changed or moved, or the stored URL is none, whoever tries: retried like any failure.
      return attempted(failedBeforeSending);
    }

    function attempted(result: AttemptResult): CourierOutcome {
      const verdict = judge({ delivery, result, at: clock(), random: Math.random() });
      return { outcome: 'attempted', record: { delivery, attemptedAt, result, verdict } };
    }
  });
}

/** A span for each attempt at a delivery of an event whose cause is traced, while this process remembers it. */
function traced(courier: Courier): Courier {
  const tracing = activeTracing();
  if (tracing === undefined) return courier;
  return async (delivery) => {
    const parent = tracing.recall(delivery.eventId);
    if (parent === undefined) return courier(delivery);
    const span = tracing.start(`webhook ${delivery.eventType}`, {
      kind: 'client',
      parent,
      attributes: { 'tributary.delivery_id': delivery.id, 'tributary.partner_id': delivery.partnerId },
    });
    const done = await courier(delivery);
    if (done.outcome === 'key_unknown') {
      span.end({ error: done.outcome });
      return done;
    }
    const { statusCode, error } = done.record.result;
    span.end({
      attributes: { 'http.response.status_code': statusCode ?? undefined },
      error: error ?? undefined,
    });
    return done;
  };
}

export function deliveryHeaders(
  { eventId, body }: Pick<ClaimedDelivery, 'eventId' | 'body'>,
  keys: readonly KeyObject[],
  at: Date,
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
    ...signMessage({ id: eventId, body }, keys, at),
  };
}

const failedBeforeSending = {
  ok: false,
  statusCode: null,
  error: 'not_signable',
  responseExcerpt: null,
  durationMs: 0,
  retryAfterSeconds: undefined,
};
