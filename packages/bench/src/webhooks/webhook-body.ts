import { exampleEvent } from '@tributary/event-catalog';

/** The body that all sides send: an adjusted commission, as our receivers get it. */
export function webhookBody(id: string): string {
  const { type, data } = exampleEvent('commission.adjusted');
  return JSON.stringify({ id, type, timestamp: new Date().toISOString(), data });
}
