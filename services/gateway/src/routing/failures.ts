import { AppError } from '@tributary/http-kit';
import { errors } from '../errors.ts';

const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const CONNECTION_DIED = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
const TIMED_OUT = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** No connection was made, so nothing of the request was sent. */
export function isNotConnected(error: Error): boolean {
  return NOT_CONNECTED.has(codeOf(error));
}

/** A connection that was open went away before an answer: whether the service acted is unknown. */
export function isConnectionDied(error: Error): boolean {
  return CONNECTION_DIED.has(codeOf(error));
}

/** What a client is told when a service gave no answer. */
export function upstreamProblem(service: string, cause: Error): AppError {
  if (TIMED_OUT.has(codeOf(cause))) {
    return new AppError(errors.UPSTREAM_TIMEOUT, `${service} took too long`, { cause });
  }
  const spec = isNotConnected(cause) ? errors.UPSTREAM_UNREACHABLE : errors.UPSTREAM_BROKEN;
  return new AppError(spec, `${service} gave no answer`, { cause, headers: { 'retry-after': '1' } });
}
