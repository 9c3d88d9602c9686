import ipaddr from 'ipaddr.js';

/** `public` may be connected to; `loopback` only where a development setting allows it; everything else never. */
export type AddressClass = 'public' | 'loopback' | 'forbidden';

const METADATA_OUTSIDE_SPECIAL_RANGES = new Set([
  // Azure's wire server: a public address that answers only inside its cloud.
  '168.63.129.16',
]);

const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/**
 * Classifies a literal address. Allows instead of denying: IPv4 outside every special-purpose range, IPv6 inside
 * 2000::/3 and outside every special range. So private, link-local, metadata, CGNAT, multicast, documentation, NAT64
 * (both prefixes), 6to4, Teredo, IPv4-mapped and -compatible, and ranges that nobody has thought of yet are refused.
 */
export function classifyAddress(address: string): AddressClass {
  // A zone (`fe80::1%eth0`) belongs to link-local addresses only.
  if (address.includes('%') || !ipaddr.isValid(address)) return 'forbidden';
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (range === 'loopback') return 'loopback';
  if (range !== 'unicast') return 'forbidden';
  if (METADATA_OUTSIDE_SPECIAL_RANGES.has(parsed.toString())) return 'forbidden';
  if (parsed instanceof ipaddr.IPv6 && !parsed.match(GLOBAL_UNICAST)) return 'forbidden';
  return 'public';
}

export interface AddressPolicy {
  /** Development only: 127.0.0.0/8 and ::1 as well, and http wherever https may go. */
  readonly allowLoopback: boolean;
}

export function isAllowedAddress(address: string, policy: AddressPolicy): boolean {
  const found = classifyAddress(address);
  return found === 'public' || (found === 'loopback' && policy.allowLoopback);
}
