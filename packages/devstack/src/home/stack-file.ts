import { rmSync } from 'node:fs';
import { join } from 'node:path';

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
