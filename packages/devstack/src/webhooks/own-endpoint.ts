import { z } from 'zod';

import { StackFailure } from '../failure.ts';
import type { StackFile } from '../home/stack-file.ts';

/** A webhook endpoint that exists for as long as somebody listens. */
export interface OwnEndpoint {
  readonly id: string;
  /** `whsec_...` */
  readonly secret: string;
  /** Has the platform send a signed example now. */
  sendTest(): Promise<void>;
  remove(): Promise<void>;
}

const session = z.object({ data: z.object({ accessToken: z.string() }) });
const created = z.object({ data: z.object({ id: z.string(), secret: z.string() }) });

type Stack = Pick<StackFile, 'gatewayUrl' | 'partner'>;

const REQUEST_TIMEOUT_MS = 10_000;

/** Registers `url` for every event of the stack's demonstration partner. @throws {StackFailure} what the API refused */
export async function createOwnEndpoint(stack: Stack, url: string): Promise<OwnEndpoint> {
  const body = { url, eventTypes: [], description: 'npm run webhook:listen' };
  const endpoint = created.parse(await asPartner(stack, 'POST', '/webhooks/endpoints', body)).data;
  const path = `/webhooks/endpoints/${endpoint.id}`;
  return {
    ...endpoint,
    sendTest: async () => void (await asPartner(stack, 'POST', `${path}/test`)),
    remove: async () => void (await asPartner(stack, 'DELETE', path)),
  };
}

/** Logs in for each call: they are few, hours may lie between them, and a token lives fifteen minutes. */
async function asPartner(stack: Stack, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await call(stack, { method: 'POST', path: '/auth/login', body: stack.partner });
  return call(stack, { method, path, body, token: session.parse(answer).data.accessToken });
}

interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly body?: object | undefined;
  readonly token?: string;
}

async function call({ gatewayUrl }: Stack, { method, path, body, token }: ApiCall): Promise<unknown> {
  const response = await fetch(`${gatewayUrl}/api/v1${path}`, {
    method,
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new StackFailure(`${method} ${path} was answered ${response.status}: ${text}`);
  return JSON.parse(text);
}
