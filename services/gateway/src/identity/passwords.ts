import { hash, verify } from '@node-rs/argon2';

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. About 20 ms on a thread of libuv's pool. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const;

/** What a login without an account is compared with, so that its answer takes as long as any other. */
let decoyHash: Promise<string> | undefined;

/** Hashes a password as `$argon2id$v=19$m=19456,t=2,p=1$...`. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, ARGON2);
}

/**
 * Compares a password with a stored hash. Without a hash (no such account) it does the same work and says no,
 * so that the time of an answer does not tell which accounts exist.
 */
export async function verifyPassword(password: string, passwordHash: string | undefined): Promise<boolean> {
  if (passwordHash === undefined) {
    decoyHash ??= hashPassword('nobody has this password');
    await verify(await decoyHash, password);
    return false;
  }
  return verify(passwordHash, password);
}
