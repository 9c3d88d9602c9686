import { AppError, type ServiceApp } from '@tributary/http-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { RawClick } from '../clicks/record-click.ts';
import type { TrackingDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { withClick } from './destinations.ts';
import { followLink } from './follow-link.ts';
import { readLinkQuery } from './link-query.ts';
import { unknownLinkPage } from './unknown-link-page.ts';
import { newVisitor, VISITOR_COOKIE, visitorCookieOptions, visitorOf } from './visitor-cookie.ts';

/** What the gateway says about links that are asked for too often; it lets no client say so. */
const OVER_LIMIT_HEADER = 'x-tributary-over-limit';
const MAX_REFERRER = 2_048;

const params = z.strictObject({ referralCode: z.string() });
const text = z.union([z.string(), z.array(z.string())]);
const querystring = z
  .object({
    to: text.optional().meta({ description: 'Where to: an allowed destination; else the first of those' }),
    subId: text.optional().meta({ description: "The partner's own mark, also as `sub_id`" }),
    utm_source: text.optional(),
    utm_medium: text.optional(),
    utm_campaign: text.optional(),
  })
  // Whatever else mail programs and networks hang onto a link is ignored, and no error.
  .catchall(text);
const found = z.string().meta({ description: 'Empty; `location` is the destination' });
const unknown = z.string().meta({ description: 'Nobody has this code: a page for browsers, else a problem' });
const schema = { params, querystring, response: { 302: found, 404: unknown } };

/**
 * GET and HEAD /r/:referralCode. A code that somebody has, or that cannot be looked up, redirects whatever happens, to an
 * allowed destination and nowhere else.
 */
export function linkRoutes(app: ServiceApp, deps: TrackingDeps): void {
  app.route({
    method: 'GET',
    url: '/r/:referralCode',
    schema,
    config: {
      operationId: 'followLink',
      summary: 'Follow a tracking link: counts the click and redirects to the shop',
      tags: ['tracking'],
      scope: 'public',
      rateClass: 'none',
      anyQuery: true,
      contentTypes: { 404: 'text/html' },
      errors: [errors.REFERRAL_CODE_NOT_FOUND],
    },
    handler: async (request, reply) => {
      const { to, subId, utm } = readLinkQuery(request.query);
      const destination = deps.destinations.resolve(to);
      const { referralCode } = request.params;
      const visitor = visitorOf(request.cookies) ?? newVisitor();
      const raw = { ...rawClick(request), referralCode, subId, utm, visitor, landingUrl: destination.href };
      const followed = await followLink(deps, raw, request.id);
      if (followed.outcome === 'unknown_code') return showUnknownLink(request, reply, deps);
      reply.setCookie(VISITOR_COOKIE, visitor, visitorCookieOptions(deps.secureCookies));
      deps.inBackground(followed.settled);
      return redirect(reply, withClick(destination, { id: followed.clickId, code: followed.code }));
    },
  });
  app.route({
    method: 'HEAD',
    url: '/r/:referralCode',
    schema: { params, querystring, response: { 302: found } },
    config: {
      operationId: 'inspectLink',
      // The gateway routes by the document, which leaves HEAD out unless it is told.
      swagger: { exposeHeadRoute: true },
      summary: 'See where a tracking link leads, without counting',
      tags: ['tracking'],
      scope: 'public',
      rateClass: 'none',
      anyQuery: true,
    },
    handler: async (request, reply) =>
      redirect(reply, deps.destinations.resolve(readLinkQuery(request.query).to).href),
  });
}

function redirect(reply: FastifyReply, address: string): FastifyReply {
  // Kept by nobody on the way: each follower of a link is a click of its own.
  return reply.header('cache-control', 'no-store').redirect(address, 302);
}

/**
 * Nobody to credit, and more likely a typing error than a purchase: said, to a browser with the way to the shop.
 * @throws 404 for whoever does not ask for a page
 */
function showUnknownLink(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { destinations }: TrackingDeps,
): FastifyReply {
  reply.header('cache-control', 'no-store');
  if (headers.accept?.includes('text/html') !== true)
    throw new AppError(errors.REFERRAL_CODE_NOT_FOUND, 'Nobody has the code of this link');
  return reply
    .code(404)
    .header('content-security-policy', "default-src 'none'")
    .type('text/html; charset=utf-8')
    .send(unknownLinkPage(destinations.resolve(undefined).href));
}

type Observed = Pick<
  RawClick,
  'programId' | 'referrer' | 'source' | 'ipAddress' | 'userAgent' | 'isRateLimited'
>;

function rawClick({ identity, headers }: FastifyRequest): Observed {
  const { referer } = headers;
  return {
    programId: identity.programId,
    referrer: referer === undefined ? undefined : referer.slice(0, MAX_REFERRER).toWellFormed(),
    source: 'web',
    ipAddress: identity.ip,
    userAgent: identity.userAgent,
    isRateLimited: headers[OVER_LIMIT_HEADER] === 'true',
  };
}
