import type { IncomingMessage } from 'node:http';
import { newId } from '@tributary/runtime';

export const REQUEST_ID_HEADER = 'x-request-id';

const sane = /^[A-Za-z0-9._:-]{1,128}$/;

/** The id that came with the request when it can be logged and returned as it is, else a new one. */
export function requestIdOf(raw: IncomingMessage): string {
  const given = raw.headers[REQUEST_ID_HEADER];
  return typeof given === 'string' && sane.test(given) ? given : newId();
}
