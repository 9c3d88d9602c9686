import { createHmac } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export interface Message {
  /** The same for every attempt, so that a receiver can recognise a repetition. */
  readonly id: string;
  readonly body: string;
}

export interface SignedHeaders {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

/**
 * The headers of the Standard Webhooks specification (https://www.standardwebhooks.com): one `v1,` signature per key,
 * separated by spaces, over `id.timestamp.body` in UTF-8. The timestamp is that of the attempt, in whole seconds.
 */
export function signMessage(message: Message, keys: readonly KeyObject[], at: Date): SignedHeaders {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signed = `${message.id}.${timestamp}.${message.body}`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}
