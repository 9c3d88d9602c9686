import { exampleEvent } from '@tributary/event-catalog';
import { newId } from '@tributary/runtime';
import { deliveryHeaders } from '../deliveries/courier.ts';
import type { CourierDeps } from '../deliveries/courier.ts';
import { attemptHttp } from '../deliveries/http-attempt.ts';
import { webhookBody } from '../fan-out/webhook-body.ts';
import type { EndpointTarget } from './target.ts';

/** What the test button says. The answer's body stays with us: it is none of the asker's business what a host says. */
export interface TestResult {
  readonly eventId: string;
  readonly delivered: boolean;
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly durationMs: number;
}

/** Sends a signed example to the endpoint once, on the way that deliveries take. Nothing is recorded. */
export async function testEndpoint(
  { dispatcher, signingKeys, deadlineMs, clock }: CourierDeps,
  target: EndpointTarget & { readonly partnerId: string },
): Promise<TestResult> {
  const example = exampleEvent('webhook_endpoint.test');
  const { endpointId, partnerId } = target;
  const now = clock();
  const event = {
    ...example,
    id: newId(),
    occurredAt: now.toISOString(),
    subject: { endpointId, partnerId },
    data: { ...example.data, endpointId, partnerId },
  };
  const message = { eventId: event.id, body: webhookBody(event) };
  const { ok, statusCode, error, durationMs } = await attemptHttp(
    { dispatcher, deadlineMs, now: clock },
    {
      url: new URL(target.url),
      headers: deliveryHeaders(message, signingKeys(target, now), now),
      body: message.body,
    },
  );
  return { eventId: event.id, delivered: ok, statusCode, error, durationMs };
}
