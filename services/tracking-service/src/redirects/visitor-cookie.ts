import { randomBytes } from 'node:crypto';
import type { CookieSerializeOptions } from '@fastify/cookie';

/** First-party: set by links on our own domain, read by clicks posted to it. Holds a random number and nothing else. */
export const VISITOR_COOKIE = 'tributary_visitor';

const ONE_YEAR_SECONDS = 365 * 24 * 60 * 60;
const VISITOR_BYTES = 16;

export const visitorCookieOptions = (secure: boolean): CookieSerializeOptions => ({
  path: '/',
  maxAge: ONE_YEAR_SECONDS,
  httpOnly: true,
  sameSite: 'lax',
  secure,
});

export function newVisitor(): string {
  return randomBytes(VISITOR_BYTES).toString('base64url');
}

/** The visitor in the cookies of a request; what we did not make is not taken. */
export function visitorOf(cookies: Readonly<Record<string, string | undefined>>): string | undefined {
  const value = cookies[VISITOR_COOKIE];
  return value !== undefined && /^[\w-]{22}$/.test(value) ? value : undefined;
}
