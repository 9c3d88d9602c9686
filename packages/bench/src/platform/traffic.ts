import { setTimeout as pause } from 'node:timers/promises';

import { Agent, request } from 'undici';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';

import { type DrillPlatform, PRODUCT } from './platform.ts';

/** What was answered with a 2xx, and so has to be there. */
export interface Accepted {
  readonly clicks: Set<string>;
  /** Order ids, each with its commission. */
  readonly orders: Map<string, string>;
  /** Commission ids, each with the amount it was given. */
  readonly adjustments: Map<string, number>;
}

/** Clients who send a request again, with the same key, until it is answered with a 2xx. */
export interface Traffic {
  readonly accepted: Accepted;
  /** Answers other than 2xx and broken connections, by what they said. */
  readonly refusals: ReadonlyMap<string, number>;
  /** What was never answered with a 2xx, or with one that makes no sense. */
  readonly failures: readonly string[];
  /** Requests answered in each second since the beginning. */
  readonly perSecond: readonly number[];
  /** The longest that a client had to insist, in milliseconds. */
  readonly slowestMs: number;
  /** Of how many of the last seconds the rate was at least this. */
  rateOver(seconds: number): number;
  /** Sends no more, and lets every request that was begun come to its end. */
  stop(): Promise<void>;
}

/** A steady rate, whatever the answers do, until too many wait for theirs; or so many clients, each of whom sends when it was answered. */
export type Pace = { readonly perSecond: number } | { readonly clients: number };

/** Twice as long after each attempt. */
const RETRY_MS = { first: 100, most: 1_000 };
const TIMEOUT_MS = 10_000;
const PATIENCE_MS = 60_000;
const CONNECTIONS = 128;
/** Two seconds of requests that wait are enough: more would make an outage of a second one of a minute. */
const MAX_UNDER_WAY_SECONDS = 2;

const clickSchema = z.object({ data: z.object({ clickId: z.string() }) });
const orderSchema = z.object({
  data: z.object({ commissions: z.tuple([z.object({ id: z.string() })]) }),
});

/** Of ten requests: three clicks, two orders, two adjustments of earlier orders, three reads. */
const MIX = ['click', 'order', 'list', 'adjust', 'click', 'kpi', 'order', 'adjust', 'click', 'list'] as const;

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
}

class Client implements Traffic {
  readonly accepted: Accepted = { clicks: new Set(), orders: new Map(), adjustments: new Map() };
  readonly refusals = new Map<string, number>();
  readonly failures: string[] = [];
  readonly perSecond: number[] = [];
  slowestMs = 0;
  readonly #platform: DrillPlatform;
  readonly #agent = new Agent({ connections: CONNECTIONS });
  readonly #began = performance.now();
  readonly #stopping = new AbortController();
  readonly #unadjusted: string[] = [];
  #sent = 0;
  #referred = 0;
  #running: Promise<unknown> = Promise.resolve();

  constructor(platform: DrillPlatform) {
    this.#platform = platform;
  }

  run(pace: Pace): void {
    if ('clients' in pace) {
      const lane = async (): Promise<void> => {
        while (!this.#stopping.signal.aborted) await this.#step();
      };
      this.#running = Promise.all(Array.from({ length: pace.clients }, lane));
    } else this.#running = this.#atRate(pace.perSecond);
  }

  async #atRate(perSecond: number): Promise<void> {
    const underWay = new Set<Promise<void>>();
    let last = performance.now();
    let due = 0;
    while (!this.#stopping.signal.aborted) {
      const now = performance.now();
      due += ((now - last) / 1_000) * perSecond;
      last = now;
      for (; due >= 1; due -= 1) {
        if (underWay.size >= perSecond * MAX_UNDER_WAY_SECONDS) continue;
        const step = this.#step().finally(() => underWay.delete(step));
        underWay.add(step);
      }
      await pause(2);
    }
    await Promise.all(underWay);
  }

  /** One of the mix. Never rejects. */
  async #step(): Promise<void> {
    const kind = MIX[this.#sent++ % MIX.length];
    try {
      if (kind === 'click') await this.#click();
      else if (kind === 'order') await this.#order();
      else if (kind === 'adjust') await this.#adjust();
      else
        await this.#insist({
          method: 'GET',
          path: kind === 'kpi' ? '/dashboard/kpi' : '/operations/commissions?limit=5',
        });
    } catch (error) {
      this.failures.push(`${kind}: ${String(error).slice(0, 300)}`);
    }
  }

  #referralCode(): string {
    const { referralCodes } = this.#platform;
    // A count of its own: kinds of requests take turns as well, and orders would all be of two partners.
    this.#referred += 1;
    return referralCodes[this.#referred % referralCodes.length] ?? '';
  }

  async #click(): Promise<void> {
    const body = {
      referralCode: this.#referralCode(),
      sessionId: uuidv7(),
      landingUrl: 'https://shop.example.com/',
    };
    const answer = await this.#insist({ method: 'POST', path: '/tracking/click', body });
    this.accepted.clicks.add(clickSchema.parse(answer).data.clickId);
  }

  async #order(): Promise<void> {
    const orderId = uuidv7();
    const body = {
      orderId,
      sku: PRODUCT,
      orderAmount: 100,
      currency: 'USD',
      referralCode: this.#referralCode(),
      confirmed: true,
    };
    const answer = await this.#insist({ method: 'POST', path: '/tracking/conversion', body });
    const [commission] = orderSchema.parse(answer).data.commissions;
    this.accepted.orders.set(orderId, commission.id);
    this.#unadjusted.push(commission.id);
  }

  async #adjust(): Promise<void> {
    const id = this.#unadjusted.shift();
    if (id === undefined) return;
    const newAmount = 11 + (this.accepted.adjustments.size % 7);
    const body = { newAmount, reason: 'Agreed with the partner' };
    await this.#insist({ method: 'POST', path: `/operations/commissions/${id}/adjust`, body });
    this.accepted.adjustments.set(id, newAmount);
  }

  /** Answers the body of the first 2xx. @throws when there is none in time, or the request itself is refused */
  async #insist(call: Call): Promise<unknown> {
    const key = uuidv7();
    const began = performance.now();
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.#send(call, key, attempt);
      const elapsed = performance.now() - began;
      if (answer.status >= 200 && answer.status < 300) {
        this.slowestMs = Math.max(this.slowestMs, elapsed);
        const second = Math.floor((performance.now() - this.#began) / 1_000);
        while (this.perSecond.length <= second) this.perSecond.push(0);
        this.perSecond[second] = (this.perSecond[second] ?? 0) + 1;
        return answer.body;
      }
      const said = `${answer.status} ${answer.code}`;
      this.refusals.set(said, (this.refusals.get(said) ?? 0) + 1);
      // What only reads is not worth insisting on.
      if (call.method === 'GET') return undefined;
      const isFinal =
        answer.status >= 400 && answer.status < 500 && answer.code !== 'IDEMPOTENCY_IN_PROGRESS';
      if (isFinal || elapsed > PATIENCE_MS) throw new Error(`${call.method} ${call.path}: ${said}`);
      await pause(Math.min(RETRY_MS.first * 2 ** attempt, RETRY_MS.most));
    }
  }

  async #send(
    { method, path, body }: Call,
    key: string,
    attempt: number,
  ): Promise<{ status: number; code: string; body: unknown }> {
    const { ensembles, apiKey } = this.#platform;
    // Another gateway at each attempt, where there are several: what a balancer does.
    const { gateway } = ensembles[(this.#sent + attempt) % ensembles.length] ?? ensembles[0];
    try {
      const answer = await request(`${gateway.url}/api/v1${path}`, {
        dispatcher: this.#agent,
        method,
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const parsed: unknown = JSON.parse(await answer.body.text());
      return { status: answer.statusCode, code: codeOf(parsed), body: parsed };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      return { status: 0, code, body: undefined };
    }
  }

  rateOver(seconds: number): number {
    // The second that runs is not over.
    const last = this.perSecond.slice(-1 - seconds, -1);
    return last.reduce((sum, count) => sum + count, 0) / Math.max(1, last.length);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#agent.close();
  }
}

const problemSchema = z.object({ code: z.string() });

function codeOf(body: unknown): string {
  const parsed = problemSchema.safeParse(body);
  return parsed.success ? parsed.data.code : '';
}

/** Starts to offer requests to the platform. */
export function startTraffic(platform: DrillPlatform, pace: Pace): Traffic {
  const client = new Client(platform);
  client.run(pace);
  return client;
}

/** `3 x 503 SERVICE_UNAVAILABLE, ...`, most frequent first. */
export function describeRefusals({ refusals }: Traffic): string {
  const sorted = [...refusals].sort(([, a], [, b]) => b - a);
  return sorted.length === 0 ? 'none' : sorted.map(([said, count]) => `${count} x ${said}`).join(', ');
}
