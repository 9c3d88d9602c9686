/** An answer of the gateway, its body parsed where it is JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // The tests look into answers of many shapes, and fail where a field is not what they expect.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Calls the gateway as one caller: `call('POST', '/tracking/click', { body })`; paths are below `/api/v1`. */
export type Call = (method: string, path: string, options?: CallOptions) => Promise<Answer>;

const JSON_TYPE = /\bjson\b/;
const DEFAULT_TIMEOUT_MS = 20_000;

/** @param token an access token or an API key; none for the public */
export function clientOf({ gatewayUrl }: { readonly gatewayUrl: string }, token?: string): Call {
  return async (method, path, { body, headers, timeoutMs = DEFAULT_TIMEOUT_MS } = {}) => {
    const response = await fetch(`${gatewayUrl}/api/v1${path}`, {
      method,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = JSON_TYPE.test(response.headers.get('content-type') ?? '') && text !== '';
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
}

/** Logs in and calls as that person from then on. */
export async function loggedIn(
  platform: { readonly gatewayUrl: string },
  { email, password }: { readonly email: string; readonly password: string },
): Promise<Call> {
  const answer = await clientOf(platform)('POST', '/auth/login', { body: { email, password } });
  if (answer.status !== 200) throw new Error(`logging in as ${email} answered ${answer.status}`);
  return clientOf(platform, answer.body.data.accessToken);
}

/** The data of an answer that has to have this status. */
export async function dataOf(pending: Promise<Answer>, status = 200): Promise<Answer['body']> {
  const answer = await pending;
  if (answer.status === status) return answer.body.data;
  throw new Error(`expected ${status}, got ${answer.status}: ${JSON.stringify(answer.body)}`);
}
