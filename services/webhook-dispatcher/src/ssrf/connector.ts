import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { classifyAddress, isAllowedAddress } from './classify-address.ts';
import type { AddressPolicy } from './classify-address.ts';

/** The connection would have led somewhere that webhooks must not reach. Raised before any packet is sent there. */
class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError';
  readonly code = 'FORBIDDEN_ADDRESS';
}

/** Every address of a name, in the order in which to try them. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

const resolveWithSystem: Resolve = async (hostname) => {
  const found = await lookup(hostname, { all: true, order: 'ipv4first' });
  return found.map(({ address }) => address);
};

export interface GuardedConnectorOptions {
  readonly policy: AddressPolicy;
  readonly resolve?: Resolve;
  readonly timeoutMs: number;
}

/**
 * A connector for undici that resolves a name once, refuses it when any of its addresses is not public, and connects to
 * the very address it checked: between check and connection nothing is looked up again, so rebinding has no moment to
 * act in. TLS still verifies the certificate for the name.
 */
export function createGuardedConnector(options: GuardedConnectorOptions): buildConnector.connector {
  const { policy, resolve = resolveWithSystem, timeoutMs } = options;
  const connect = buildConnector({ timeout: timeoutMs, allowH2: false });
  const connectChecked: Connect = async (target, callback) => {
    const hostname = target.hostname.replace(/^\[(.*)\]$/, '$1');
    let address: string;
    try {
      address = await checkedAddress(hostname, policy, resolve);
      if (target.protocol !== 'https:' && classifyAddress(address) !== 'loopback')
        throw new ForbiddenAddressError('Only this machine is spoken to without TLS.');
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
      return;
    }
    const servername = target.servername ?? (isIP(hostname) === 0 ? hostname.replace(/\.$/, '') : undefined);
    connect({ ...target, hostname: address, ...(servername === undefined ? {} : { servername }) }, callback);
  };
  return (target, callback) => void connectChecked(target, callback);
}

type Connect = (...args: Parameters<buildConnector.connector>) => Promise<void>;

async function checkedAddress(hostname: string, policy: AddressPolicy, resolve: Resolve): Promise<string> {
  const addresses = isIP(hostname) === 0 ? await resolve(hostname) : [hostname];
  const forbidden = addresses.find((address) => !isAllowedAddress(address, policy));
  const [first] = addresses;
  if (first === undefined || forbidden !== undefined) {
    throw new ForbiddenAddressError('The host is not at a public address.');
  }
  return first;
}
