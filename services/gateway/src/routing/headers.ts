import type { IncomingHttpHeaders } from 'node:http';
import { DRAINING_HEADER } from '@tributary/http-kit';

/** RFC 9110, section 7.6.1: they speak about one connection and end at the proxy. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
] as const;

/** `expect` is answered by Node; `authorization` and cookies are none of a service's business, save the click cookie. */
const NOT_FORWARDED = new Set<string>([
  ...HOP_BY_HOP,
  'host',
  'expect',
  'authorization',
  'forwarded',
  'x-real-ip',
  'http2-settings',
]);
const NOT_RETURNED = new Set<string>([...HOP_BY_HOP, DRAINING_HEADER]);
/** Only the gateway says these; whatever a client sends under such a name is dropped. */
const OWN_PREFIXES = ['x-tributary-', 'x-forwarded-'];

/** Names listed in `Connection` are hop-by-hop as well. */
function namedByConnection(connection: string | string[] | undefined): readonly string[] {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return [];
  return connection
    .toString()
    .split(',')
    .map((name) => name.trim().toLowerCase());
}

export interface Forwarding {
  readonly requestId: string;
  readonly address: string;
  readonly protocol: string;
  readonly host: string;
  /** Said to the tracking service about links that are asked for too often. */
  readonly isOverLimit: boolean;
}

/**
 * The headers a service gets: the client's, without what ends here, and with what only the gateway may say. The identity
 * is missing: it is good for a short time, and put in when the request leaves.
 */
export function forwardedHeaders(
  client: IncomingHttpHeaders,
  forwarding: Forwarding,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const name in client) {
    if (NOT_FORWARDED.has(name) || OWN_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    const value = client[name];
    if (value !== undefined) headers[name] = value;
  }
  for (const name of namedByConnection(client.connection)) delete headers[name];
  headers['x-request-id'] = forwarding.requestId;
  headers['x-forwarded-for'] = forwarding.address;
  headers['x-forwarded-proto'] = forwarding.protocol;
  headers['x-forwarded-host'] = forwarding.host;
  if (forwarding.isOverLimit) headers['x-tributary-over-limit'] = 'true';
  return headers;
}

/** The headers a client gets: the service's without what ends here, then the gateway's own, which win. */
export function returnedHeaders(
  service: IncomingHttpHeaders,
  own: Record<string, number | string | string[] | undefined>,
): Record<string, number | string | string[]> {
  const headers: Record<string, number | string | string[]> = {};
  for (const name in service) {
    const value = service[name];
    if (value !== undefined && !NOT_RETURNED.has(name)) headers[name] = value;
  }
  for (const name of namedByConnection(service.connection)) delete headers[name];
  for (const name in own) {
    const value = own[name];
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}
