import type { Dispatcher } from 'undici';
import { parseRetryAfter } from './schedule.ts';

/** What one HTTP request to a receiver came to. A failure is data, not an exception. */
export interface AttemptResult {
  readonly ok: boolean;
  /** Null when no answer came. */
  readonly statusCode: number | null;
  /** A short word for what went wrong: `timeout`, `connection_refused`, `http_500`, ... */
  readonly error: string | null;
  /** The head of the answer's body. */
  readonly responseExcerpt: string | null;
  readonly durationMs: number;
  readonly retryAfterSeconds: number | undefined;
}

export interface AttemptRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpAttemptDeps {
  readonly dispatcher: Dispatcher;
  /** From the call to the last byte of the answer, connecting included. */
  readonly deadlineMs: number;
  readonly now: () => Date;
}

/** Reading on would only cost us; the status alone decides. */
const BODY_LIMIT_BYTES = 64 * 1024;
const EXCERPT_BYTES = 1024;

const ERROR_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  UND_ERR_SOCKET: 'connection_reset',
  ENOTFOUND: 'name_not_found',
  EAI_AGAIN: 'name_not_found',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  FORBIDDEN_ADDRESS: 'forbidden_address',
};

/** Posts once, without following redirects, and resolves when the answer is complete or the deadline has passed. */
export function attemptHttp(deps: HttpAttemptDeps, request: AttemptRequest): Promise<AttemptResult> {
  const { promise, resolve } = Promise.withResolvers<AttemptResult>();
  const answer = new Answer(deps, resolve);
  const { url, headers, body } = request;
  try {
    deps.dispatcher.dispatch(
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'POST',
        headers: { ...headers },
        body,
      },
      answer,
    );
  } catch (error) {
    answer.onResponseError(undefined, error);
  }
  return promise;
}

/** Collects one answer as undici hands it over; settles exactly once. */
class Answer implements Dispatcher.DispatchHandler {
  readonly #deps: HttpAttemptDeps;
  readonly #resolve: (result: AttemptResult) => void;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #statusCode: number | null = null;
  #retryAfterSeconds: number | undefined;
  #excerpt: Buffer[] = [];
  #received = 0;
  #settled = false;

  constructor(deps: HttpAttemptDeps, resolve: (result: AttemptResult) => void) {
    this.#deps = deps;
    this.#resolve = resolve;
    this.#timer = setTimeout(() => this.#abandon('timeout'), deps.deadlineMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The deadline passed while the request waited for a connection: do not send it after all.
    if (this.#settled) controller.abort(new Error('deadline'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (statusCode < 200) return;
    this.#statusCode = statusCode;
    const retryAfter = headers['retry-after'];
    if (statusCode === 429 || statusCode === 503) {
      this.#retryAfterSeconds = parseRetryAfter(
        Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
        this.#deps.now(),
      );
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#received < EXCERPT_BYTES) this.#excerpt.push(chunk.subarray(0, EXCERPT_BYTES - this.#received));
    this.#received += chunk.length;
    if (this.#received > BODY_LIMIT_BYTES) this.#abandon(null);
  }

  onResponseEnd(): void {
    this.#settle(null);
  }

  onResponseError(_controller: unknown, error: unknown): void {
    this.#settle(errorWord(error));
  }

  #abandon(error: string | null): void {
    this.#settle(error);
    this.#controller?.abort(new Error('abandoned'));
  }

  #settle(error: string | null): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    const statusCode = this.#statusCode;
    const ok = error === null && statusCode !== null && statusCode >= 200 && statusCode < 300;
    this.#resolve({
      ok,
      statusCode,
      error: ok ? null : (error ?? `http_${statusCode ?? 'none'}`),
      responseExcerpt: this.#excerpt.length === 0 ? null : storableText(Buffer.concat(this.#excerpt)),
      durationMs: Math.round(performance.now() - this.#startedAt),
      retryAfterSeconds: this.#retryAfterSeconds,
    });
  }
}

/** Postgres stores no U+0000 in text. */
function storableText(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\u0000', '\uFFFD');
}

function errorWord(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = ERROR_WORDS[code];
  if (known !== undefined) return known;
  if (code.startsWith('ERR_TLS') || code.includes('CERT') || code.startsWith('ERR_SSL')) return 'tls_error';
  if (code.startsWith('HPE_')) return 'invalid_response';
  return 'connection_failed';
}
