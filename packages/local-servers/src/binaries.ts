import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { canUseDebianPackages, libraryPath, unpackDebianPackages } from './debian-packages.ts';
import { ServerStartError } from './failures.ts';
import { findExecutable, searchFolders } from './find-executable.ts';
import { findPostgres, type PostgresBinaries } from './postgres-binaries.ts';

/** Where the programs of the three servers are. */
export interface ServerBinaries {
  postgres: PostgresBinaries;
  nats: string;
  redis: string;
  /** Environment that NATS and Redis need (libraries that were unpacked beside them). */
  env: Readonly<Record<string, string>>;
}

const DEBIAN_PACKAGES = { 'nats-server': ['nats-server'], 'redis-server': ['redis-server', 'redis-tools'] };

/**
 * Finds the servers' programs on PATH (and where PATH often does not look), and downloads those of NATS and Redis from
 * Debian's archive into `home` where they are missing and that is possible.
 * @param options.home the project's private folder (`.tributary`); downloads are kept in it for the next time
 * @param options.log told what takes time
 * @throws ServerStartError saying what to install
 */
export async function ensureServerBinaries(options: {
  home: string;
  log?: (line: string) => void;
}): Promise<ServerBinaries> {
  const postgres = await findPostgres();
  const found = { nats: findExecutable('nats-server'), redis: findExecutable('redis-server') };
  if (found.nats !== undefined && found.redis !== undefined) {
    return { postgres, nats: found.nats, redis: found.redis, env: {} };
  }
  const missing = (['nats-server', 'redis-server'] as const).filter(
    (name) => (name === 'nats-server' ? found.nats : found.redis) === undefined,
  );
  const root = resolve(options.home, 'servers', missing.join('+'));
  if (!existsSync(root) && !canUseDebianPackages()) {
    const hint = process.platform === 'darwin' ? ' (brew install nats-server redis)' : '';
    throw new ServerStartError(
      'missing_tool',
      `Install ${missing.join(' and ')}${hint}, so that it is on PATH.`,
    );
  }
  if (!existsSync(root)) {
    options.log?.(`Fetching ${missing.join(' and ')} from Debian's packages`);
    const packages = missing.flatMap((name) => DEBIAN_PACKAGES[name]);
    await unpackDebianPackages(root, packages);
  }
  const folders = [...searchFolders(), join(root, 'usr/bin'), join(root, 'usr/sbin')];
  const nats = findExecutable('nats-server', folders);
  const redis = findExecutable('redis-server', folders);
  if (nats === undefined || redis === undefined) {
    throw new ServerStartError(
      'missing_tool',
      `${root} lacks a program that its packages should hold: delete that folder and try again.`,
    );
  }
  return { postgres, nats, redis, env: { LD_LIBRARY_PATH: await libraryPath(root) } };
}
