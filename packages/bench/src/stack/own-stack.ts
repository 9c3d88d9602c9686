import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { freePort } from '@tributary/local-servers';
import { z } from 'zod';

const stackSchema = z.object({
  gatewayUrl: z.url(),
  admin: z.object({ email: z.string(), password: z.string() }),
  apiKey: z.string(),
  services: z.record(z.string(), z.url()),
  pids: z.record(z.string(), z.number()),
  databaseUrl: z.string(),
});

/** What a running stack says of itself in stack.json. */
export type StackFacts = z.output<typeof stackSchema>;

export const readStack = async (home: string): Promise<StackFacts> =>
  stackSchema.parse(JSON.parse(await readFile(join(home, 'stack.json'), 'utf8')));

/** A platform as `npm start` runs it, beside one that may be running: home and ports of its own. */
export interface OwnStack extends StackFacts {
  /** From the start of the process until everything was ready, in milliseconds. */
  readonly readyAfterMs: number;
  stop(): Promise<void>;
}

const UNLIMITED = '1000000000';
const POLL_MS = 50;

/** No demonstration, no rate limits in the way, otherwise as in production. */
const ENVIRONMENT = {
  DEMONSTRATION: 'off',
  NODE_ENV: 'production',
  RATE_LIMIT_PUBLIC: UNLIMITED,
  RATE_LIMIT_ADMIN: UNLIMITED,
  RATE_LIMIT_PARTNER: UNLIMITED,
  RATE_LIMIT_API_KEY: UNLIMITED,
  RATE_LIMIT_LOGIN: '1000000',
};

export interface OwnStackOptions {
  readonly root: string;
  readonly home: string;
  /** Over what a stack of the bench has anyway. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts a stack; everything is ready when this resolves. @throws when it ends before that */
export async function startOwnStack({ root, home, environment = {} }: OwnStackOptions): Promise<OwnStack> {
  const began = performance.now();
  const child = spawn(process.execPath, [join(root, 'packages/devstack/src/start.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      ...ENVIRONMENT,
      ...environment,
      TRIBUTARY_HOME: home,
      PORT: String(await freePort()),
    },
  });
  for (;;) {
    const facts = await readStack(home).catch(() => undefined);
    if (facts !== undefined) {
      const stop = async (): Promise<void> => {
        if (child.exitCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      };
      return { ...facts, readyAfterMs: performance.now() - began, stop };
    }
    if (child.exitCode !== null) throw new Error('The platform did not start.');
    await pause(POLL_MS);
  }
}
