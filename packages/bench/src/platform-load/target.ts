import { z } from 'zod';

import { startOwnStack, type StackFacts } from '../stack/own-stack.ts';

/** A platform to load: one that runs, or one that is started for it. */
export type Target = Pick<StackFacts, 'gatewayUrl' | 'apiKey' | 'admin' | 'databaseUrl'> & {
  /** Processes on this machine whose memory is watched; none of a platform elsewhere. */
  readonly pids: Readonly<Record<string, number>>;
  stop(): Promise<void>;
};

const givenSchema = z.object({
  GATEWAY_URL: z.url(),
  API_KEY: z.string().min(1),
  ADMIN_EMAIL: z.string().min(1),
  ADMIN_PASSWORD: z.string().min(1),
  DATABASE_URL: z.string().min(1),
});

/** What was said about a running platform is not enough. */
export class IncompleteTarget extends Error {
  override readonly name = 'IncompleteTarget';
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The platform at GATEWAY_URL, or one started in a folder.
 * @throws {IncompleteTarget} when GATEWAY_URL is set and what belongs to it is not
 */
export async function openTarget(root: string, home: string, environment: Environment): Promise<Target> {
  if (environment['GATEWAY_URL'] === undefined) return startOwnStack({ root, home });
  const given = givenSchema.safeParse(environment);
  if (!given.success) {
    const missing = given.error.issues.map(({ path }) => String(path[0])).join(', ');
    throw new IncompleteTarget(
      `With GATEWAY_URL go API_KEY (every scope), ADMIN_EMAIL and ADMIN_PASSWORD (a super_admin) and DATABASE_URL (the owner, for the books); wrong or missing: ${missing}.`,
    );
  }
  const { GATEWAY_URL, API_KEY, ADMIN_EMAIL, ADMIN_PASSWORD, DATABASE_URL } = given.data;
  return {
    gatewayUrl: GATEWAY_URL,
    apiKey: API_KEY,
    admin: { email: ADMIN_EMAIL, password: ADMIN_PASSWORD },
    databaseUrl: DATABASE_URL,
    pids: {},
    stop: async () => undefined,
  };
}
