import { lookup, NODATA, NOTFOUND, Resolver } from 'node:dns/promises';

/** Every address of a name, in the order in which to try them. What it still waits for ends with the signal. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;

/** What a server gets to answer the first try, the second gets longer: a lost packet costs a wait, and no attempt. */
const TRY_MS = 1_500;
const TRIES = 2;
/** What the other family gets once one has addresses: some servers never answer for AAAA. */
const GRACE_MS = 250;

export interface NameResolverOptions {
  /** `localhost` is asked of this machine, and of nobody else. */
  readonly allowLoopback: boolean;
  /** `address` or `address:port`; those of the machine by default. */
  readonly servers?: readonly string[];
}

/** A name without an address, as far as can be told now. */
class NameNotFoundError extends Error {
  override readonly name = 'NameNotFoundError';
  readonly code: 'ENOTFOUND' | 'EAI_AGAIN';

  constructor(hostname: string, reasons: readonly unknown[]) {
    super(`No address was found for ${hostname}.`, { cause: reasons[0] });
    this.code = reasons.every(isNoSuchName) ? 'ENOTFOUND' : 'EAI_AGAIN';
  }
}

/**
 * Asks name servers over sockets of its own. The system's `getaddrinfo` would hold one of libuv's four threads until it
 * gives up (10 s and more, whatever our deadline): a few names whose servers are silent, and nobody else connects.
 */
export function createNameResolver({ allowLoopback, servers }: NameResolverOptions): Resolve {
  return async (hostname, signal) => {
    if (allowLoopback && /^localhost\.?$/.test(hostname)) return loopbackAddresses();
    // One per name: cancelling ends all that a resolver has asked, and a changed resolv.conf is noticed. Made in 30 us.
    const resolver = new Resolver({ timeout: TRY_MS, tries: TRIES });
    if (servers !== undefined) resolver.setServers(servers);
    const cancel = (): void => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await addressesOf(hostname, resolver);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
}

async function loopbackAddresses(): Promise<string[]> {
  const found = await lookup('localhost', { all: true, order: 'ipv4first' });
  return found.map(({ address }) => address);
}

/**
 * Both families are asked at once, and once one has addresses the other is not waited for to its end: of one that has no answer
 * nothing is needed, for only what is answered is connected to.
 */
async function addressesOf(hostname: string, resolver: Resolver): Promise<string[]> {
  let grace: NodeJS.Timeout | undefined;
  const found = async (family: Promise<string[]>): Promise<string[]> => {
    const addresses = await family;
    if (addresses.length > 0) grace ??= setTimeout(() => resolver.cancel(), GRACE_MS);
    return addresses;
  };
  const answers = await Promise.allSettled([
    found(resolver.resolve4(hostname)),
    found(resolver.resolve6(hostname)),
  ]);
  clearTimeout(grace);
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (addresses.length > 0) return addresses;
  const reasons = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
  throw new NameNotFoundError(hostname, reasons);
}

/** Said by the zone's servers, where anything else (`ESERVFAIL`, `ETIMEOUT`, `ECONNREFUSED`) may be over in a moment. */
function isNoSuchName(reason: unknown): boolean {
  return reason instanceof Error && 'code' in reason && (reason.code === NOTFOUND || reason.code === NODATA);
}
