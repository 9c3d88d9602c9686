import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

const IPV4_KEPT_BYTES = 3;
/** 128 bits without the last 80. */
const IPV6_KEPT_BYTES = 6;

/** The address without what names a person: IPv4 without its last octet, IPv6 without its last 80 bits; null if it is none. */
export function anonymizeAddress(text: string): string | null {
  const address = parseAddress(text);
  if (address === undefined) return null;
  const kept = address.kind() === 'ipv4' ? IPV4_KEPT_BYTES : IPV6_KEPT_BYTES;
  const bytes = address.toByteArray().map((byte, index) => (index < kept ? byte : 0));
  return ipaddr.fromByteArray(bytes).toString();
}

/** Tells whether an address lies in one of these networks (CIDR, or single addresses). */
export function createNetworkTest(networks: readonly string[]): (address: string) => boolean {
  const ranges = networks.map(rangeOf);
  return (text) => {
    const address = parseAddress(text);
    if (address === undefined) return false;
    return ranges.some(
      ([base, bits]) => base.kind() === address.kind() && address.match([base, bits] as never),
    );
  };
}

function rangeOf(network: string): [Address, number] {
  if (network.includes('/')) return ipaddr.parseCIDR(network);
  const address = ipaddr.process(network);
  return [address, address.toByteArray().length * 8];
}

/** IPv4 in an IPv6 coat counts as IPv4. */
function parseAddress(text: string): Address | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined;
}
