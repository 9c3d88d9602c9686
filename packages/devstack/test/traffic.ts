import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import type { Answer, Call } from './api-client.ts';

/** What was answered with a 2xx, and so has to be there. */
export interface Accepted {
  readonly clickIds: string[];
  /** Order ids, each with its commission. */
  readonly commissions: Map<string, string>;
  /** Commission ids, each with the amount it was given. */
  readonly adjustments: Map<string, number>;
  /** What was answered otherwise, for the message of a failure. */
  readonly refusals: Map<string, number>;
}

export interface Traffic {
  readonly accepted: Accepted;
  /** How many requests were answered with a 2xx. */
  readonly count: number;
  /** Lets every request that was begun come to its 2xx, and sends no more. */
  stop(): Promise<void>;
}

const PAUSE_MS = 60;
const RETRY_MS = 100;
const TIMEOUT_MS = 5_000;

/** Sends the same request until it is answered with a 2xx, as a careful client does when a server fails. */
async function insist(send: () => Promise<Answer>, refusals: Map<string, number>): Promise<Answer> {
  for (;;) {
    const answer = await send().catch((error: unknown) => error);
    if (answer instanceof Error) note(refusals, answer.name);
    else {
      const { status, body } = answer as Answer;
      if (status < 300) return answer as Answer;
      note(refusals, `${status} ${body.code}`);
      if (status < 500 && body.code !== 'IDEMPOTENCY_IN_PROGRESS')
        throw new Error(`refused: ${JSON.stringify(body)}`);
    }
    await delay(RETRY_MS);
  }
}

function note(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** Clicks, orders and adjustments of their commissions, a few dozen a second, each with a key of its own. */
export function startTraffic(call: Call, sku: string, referralCode: string): Traffic {
  const accepted: Accepted = {
    clickIds: [],
    commissions: new Map(),
    adjustments: new Map(),
    refusals: new Map(),
  };
  const { clickIds, commissions, adjustments, refusals } = accepted;
  let count = 0;
  const stopping = new AbortController();

  const post = async (path: string, body: object, key?: string): Promise<Answer['body']> => {
    const headers = key === undefined ? {} : { 'idempotency-key': key };
    const send = () => call('POST', path, { body, headers, timeoutMs: TIMEOUT_MS });
    const answer = await insist(send, refusals);
    count += 1;
    return answer.body.data;
  };

  async function click(): Promise<void> {
    const visit = { referralCode, sessionId: randomUUID(), landingUrl: 'https://shop.example.com/' };
    clickIds.push((await post('/tracking/click', visit)).clickId);
  }

  async function order(): Promise<void> {
    const orderId = randomUUID();
    const body = { orderId, sku, orderAmount: 100, currency: 'USD', referralCode, confirmed: true };
    const { commissions: made } = await post('/tracking/conversion', body);
    commissions.set(orderId, made[0].id);
    const newAmount = 1 + (commissions.size % 7);
    const change = { newAmount, reason: 'Agreed with the partner' };
    await post(`/operations/commissions/${made[0].id}/adjust`, change, randomUUID());
    adjustments.set(made[0].id, newAmount);
  }

  const lane = async (step: () => Promise<void>): Promise<void> => {
    while (!stopping.signal.aborted) {
      await step();
      await delay(PAUSE_MS);
    }
  };
  const lanes = Promise.all([lane(click), lane(click), lane(order), lane(order)]);
  lanes.catch(() => undefined);
  return {
    accepted,
    get count() {
      return count;
    },
    stop: async () => {
      stopping.abort();
      await lanes;
    },
  };
}
