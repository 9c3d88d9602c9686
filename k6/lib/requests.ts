import http, { type RefinedResponse } from 'k6/http';
import { check } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';

import type { Operation } from './profiles.ts';
import type { Settings } from './settings.ts';

export type Answer = RefinedResponse<'text'>;

/** Which part of a run a request belongs to: `load` on the way up and down, the others by a script's own clock. */
export type Phase = 'load' | 'plateau' | 'recovery';

export interface Request {
  readonly operation: Operation;
  readonly phase: Phase;
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly token?: string;
  readonly body?: object;
  /** The answer that means success. */
  readonly wanted: number;
}

/** A wish that came too late is an answer like any other: someone else changed the commission meanwhile. */
const CONFLICT = 409;
const ANSWERS = http.expectedStatuses(200, 201, 302, CONFLICT);

/** What the gateway answers before it has passed anything on. */
const UNTOUCHED = /"code":\s*"(?:GATEWAY_BUSY|SERVICE_STARTING)"/;

/** Writes that got no answer, or the answer that something broke: whether they took effect is unknown. */
const unclear = {
  clicks: new Counter('unclear_clicks'),
  orders: new Counter('unclear_orders'),
  changes: new Counter('unclear_changes'),
};
const refused = new Counter('refused');
const accepted = new Counter('accepted');

/** Sends a request and checks its answer; undefined where the answer is not the one that was wanted. */
export function send({ operation, phase, method, url, token, body, wanted }: Request): Answer | undefined {
  const response = http.request(method, url, body === undefined ? null : JSON.stringify(body), {
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    tags: { operation, phase, stage: 'load' },
    redirects: 0,
    responseCallback: ANSWERS,
    responseType: 'text',
    timeout: '30s',
  });
  const { status } = response;
  if (status === 0 || (status >= 500 && !UNTOUCHED.test(response.body ?? ''))) countUnclear(operation);
  if (status === CONFLICT) {
    refused.add(1, { operation });
    return undefined;
  }
  const isWanted = check(response, { [`${operation} is answered`]: () => status === wanted }, { operation });
  return isWanted ? response : undefined;
}

function countUnclear(operation: Operation): void {
  if (operation === 'click' || operation === 'redirect') unclear.clicks.add(1);
  if (operation === 'conversion') unclear.orders.add(1);
  if (operation === 'adjust' || operation === 'confirm') unclear.changes.add(1);
}

/** Notes something that the platform has accepted, for the books that are checked afterwards. */
export function keep({ keepsAccepted }: Settings, kind: 'click' | 'order' | 'change', facts: string): void {
  accepted.add(1, { kind });
  if (keepsAccepted) console.log(`accepted ${kind} ${facts}`);
}

/** Text at a path of an answer. @throws when there is none: an answer outside its schema should not go unnoticed */
export function textAt(answer: Answer, path: string): string {
  const value = answer.json(path);
  if (typeof value !== 'string') throw new Error(`The answer has no ${path}: ${answer.body.slice(0, 200)}`);
  return value;
}

/** Texts at a path with `#`; empty where the list is. */
export function textsAt(answer: Answer, path: string): string[] {
  const value = answer.json(path);
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

export const secondsIntoRun = (): number => (Date.now() - exec.scenario.startTime) / 1_000;
