import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import { StackFailure } from '../failure.ts';
import { writePrivateJson } from './files.ts';

/** What `.tributary/stack.json` says about a running stack, for scripts, drills and people. */
export interface StackFile {
  readonly gatewayUrl: string;
  /** A super_admin. */
  readonly admin: { readonly email: string; readonly password: string };
  readonly partner: { readonly email: string; readonly password: string };
  /** Has every scope. */
  readonly apiKey: string;
  readonly services: Readonly<Record<string, string>>;
  readonly pids: Readonly<Record<string, number>>;
  /** The owner's, for inspection. */
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly natsUrl: string;
}

const pathIn = (home: string): string => join(home, 'stack.json');

export function writeStackFile(home: string, stack: StackFile): void {
  writePrivateJson(pathIn(home), stack);
}

export function removeStackFile(home: string): void {
  rmSync(pathIn(home), { force: true });
}

const login = z.object({ email: z.string(), password: z.string() });
const partsOfStack = z.object({ gatewayUrl: z.url(), admin: login, partner: login });

/**
 * Where the stack of this home runs and how to log in.
 * @throws {StackFailure} when none does
 */
export function readStackFile(home: string): Pick<StackFile, 'gatewayUrl' | 'admin' | 'partner'> {
  const path = pathIn(home);
  try {
    return partsOfStack.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new StackFailure(`No stack is running: there is no ${path}. Start one with npm start.`, {
      cause: error,
    });
  }
}
