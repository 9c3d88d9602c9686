import { isIP } from 'node:net';
import { isAllowedAddress } from './classify-address.ts';
import type { AddressPolicy } from './classify-address.ts';

export type UrlCheck =
  | { readonly outcome: 'allowed'; readonly url: URL }
  | { readonly outcome: 'refused'; readonly reason: string };

const INTERNAL_SUFFIXES = ['.localhost', '.local', '.internal', '.home.arpa', '.lan', '.intranet'];

/**
 * What can be said about a URL without resolving it. WHATWG parsing has already turned every spelling of an IPv4
 * address (octal, hexadecimal, short, one number, full-width digits) into the dotted one. Names are checked again, by
 * their addresses, whenever a connection is made: what a name resolves to now says nothing about later.
 */
export function checkUrl(text: string, policy: AddressPolicy): UrlCheck {
  if (!URL.canParse(text)) return refused('is not an absolute URL');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refused('must be an https URL');
  if (url.username !== '' || url.password !== '') return refused('must not contain credentials');
  if (url.hash !== '') return refused('must not contain a fragment');
  const host = hostOf(url);
  if (isIP(host) !== 0) {
    if (!isAllowedAddress(host, policy)) return refused('points to an address that is not public');
  } else if (!isAllowedName(host, policy)) return refused('points to a name that is not public');
  if (url.protocol === 'http:' && !policy.allowLoopback) return refused('must be an https URL');
  return { outcome: 'allowed', url };
}

/** The host as `isIP` and a resolver take it: without brackets and trailing dot. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function isAllowedName(name: string, policy: AddressPolicy): boolean {
  if (name === 'localhost') return policy.allowLoopback;
  // A name without a dot is looked up in the search domain of this machine.
  return name.includes('.') && !INTERNAL_SUFFIXES.some((suffix) => name.endsWith(suffix));
}

function refused(reason: string): UrlCheck {
  return { outcome: 'refused', reason };
}
