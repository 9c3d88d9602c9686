import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { isAllowedAddress } from './classify-address.ts';
import type { AddressPolicy } from './classify-address.ts';
import { createNameResolver } from './resolve-name.ts';
import type { Resolve } from './resolve-name.ts';

/** The connection would have led somewhere that webhooks must not reach. Raised before any packet is sent there. */
class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError';
  readonly code = 'FORBIDDEN_ADDRESS';
}

/** The name servers took all the time there was. */
class NameTimeoutError extends Error {
  override readonly name = 'NameTimeoutError';
  readonly code = 'ETIMEDOUT';
}

export interface GuardedConnectorOptions {
  readonly policy: AddressPolicy;
  readonly resolve?: Resolve;
  /** For the name, and again for the connection; the attempt that wants it has a deadline of its own. */
  readonly timeoutMs: number;
}

/**
 * A connector for undici that resolves a name once, refuses it when any of its addresses is not public, and connects to
 * the very address it checked: between check and connection nothing is looked up again, so rebinding has no moment to
 * act in. TLS still verifies the certificate for the name.
 */
export function createGuardedConnector(options: GuardedConnectorOptions): buildConnector.connector {
  const { policy, resolve = createNameResolver(policy), timeoutMs } = options;
  const resolveInTime = within(timeoutMs, resolve);
  const connect = buildConnector({ timeout: timeoutMs, allowH2: false });
  const connectChecked: Connect = async (target, callback) => {
    const hostname = target.hostname.replace(/^\[(.*)\]$/, '$1');
    let address: string;
    try {
      address = await checkedAddress(hostname, policy, resolveInTime);
      if (target.protocol !== 'https:' && !policy.allowLoopback)
        throw new ForbiddenAddressError('Only a development installation speaks without TLS.');
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

async function checkedAddress(
  hostname: string,
  policy: AddressPolicy,
  resolve: (hostname: string) => ReturnType<Resolve>,
): Promise<string> {
  const addresses = isIP(hostname) === 0 ? await resolve(hostname) : [hostname];
  const forbidden = addresses.find((address) => !isAllowedAddress(address, policy));
  const [first] = addresses;
  if (first === undefined || forbidden !== undefined) {
    throw new ForbiddenAddressError('The host is not at a public address.');
  }
  return first;
}

/** Gives a name up after this long, and tells whoever is asked to stop asking. */
function within(timeoutMs: number, resolve: Resolve): (hostname: string) => ReturnType<Resolve> {
  return async (hostname) => {
    const giveUp = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new NameTimeoutError('The name was not resolved in time.'));
      giveUp.abort();
    }, timeoutMs);
    try {
      return await Promise.race([resolve(hostname, giveUp.signal), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}
