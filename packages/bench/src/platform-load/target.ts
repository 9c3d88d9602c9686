import { resolve } from 'node:path';

import { z } from 'zod';

import { readStack, startOwnStack, type StackFacts } from '../stack/own-stack.ts';

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
 * The platform at GATEWAY_URL, or one started in a folder. What `npm start` runs there says the rest of itself.
 * @throws {IncompleteTarget} when GATEWAY_URL is set and what belongs to it is not known
 */
export async function openTarget(root: string, home: string, environment: Environment): Promise<Target> {
  if (environment['GATEWAY_URL'] === undefined) return startOwnStack({ root, home });
  const running = await findRunning(root, environment);
  const given = givenSchema.safeParse({
    ...(running === undefined ? {} : settingsOf(running)),
    ...environment,
  });
  if (!given.success) {
    const missing = given.error.issues.map(({ path }) => String(path[0])).join(', ');
    throw new IncompleteTarget(
      `With GATEWAY_URL go API_KEY (every scope), ADMIN_EMAIL and ADMIN_PASSWORD (a super_admin) and DATABASE_URL (the owner, for the books); wrong or missing: ${missing}.`,
    );
  }
  const { GATEWAY_URL, API_KEY, ADMIN_EMAIL, ADMIN_PASSWORD, DATABASE_URL } = given.data;
  return {
    gatewayUrl: GATEWAY_URL.replace(/\/+$/, ''),
    apiKey: API_KEY,
    admin: { email: ADMIN_EMAIL, password: ADMIN_PASSWORD },
    databaseUrl: DATABASE_URL,
    pids: running?.pids ?? {},
    stop: async () => undefined,
  };
}

/** The stack of this checkout, where GATEWAY_URL is its address. */
async function findRunning(root: string, environment: Environment): Promise<StackFacts | undefined> {
  const home = resolve(root, environment['TRIBUTARY_HOME'] ?? '.tributary');
  const stack = await readStack(home).catch(() => undefined);
  const origin = URL.parse(environment['GATEWAY_URL'] ?? '')?.origin;
  return stack !== undefined && new URL(stack.gatewayUrl).origin === origin ? stack : undefined;
}

const settingsOf = ({ apiKey, admin, databaseUrl }: StackFacts) => ({
  API_KEY: apiKey,
  ADMIN_EMAIL: admin.email,
  ADMIN_PASSWORD: admin.password,
  DATABASE_URL: databaseUrl,
});
