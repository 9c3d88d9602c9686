import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';

import {
  ensureServerBinaries,
  type ServerBinaries,
  type ServerHandle,
  startNats,
  startPostgres,
  startRedis,
} from '@tributary/local-servers';

import { StackFailure } from './failure.ts';
import type { StackSettings } from './settings.ts';

/** The servers that a stack needs. */
const SERVERS = ['postgres', 'nats', 'redis'] as const;

export type ServerName = (typeof SERVERS)[number];

const PROBE_TIMEOUT_MS = 3_000;
const DEFAULT_PORTS: Readonly<Record<ServerName, number>> = { postgres: 5432, nats: 4222, redis: 6379 };
const VARIABLES: Readonly<Record<ServerName, string>> = {
  postgres: 'DATABASE_URL',
  nats: 'NATS_URL',
  redis: 'REDIS_URL',
};

/** Which servers nobody gave an address for: those are started privately. */
export function privateServers(settings: StackSettings): ServerName[] {
  return SERVERS.filter((name) => settings.servers[name] === undefined);
}

/** Finds or brings the programs of the private servers; none are needed when every server exists already. */
export async function bringBinaries(
  settings: StackSettings,
  log: (line: string) => void,
): Promise<ServerBinaries | undefined> {
  if (privateServers(settings).length === 0) return undefined;
  return ensureServerBinaries({ home: settings.home, log });
}

/** Starts one private server on its port and data, and again whenever that is asked. */
export function startServer(
  name: ServerName,
  options: { home: string; binaries: ServerBinaries; port: number; log: (line: string) => void },
): Promise<ServerHandle> {
  const { binaries, port, log } = options;
  const dataDir = join(options.home, 'data', name);
  switch (name) {
    case 'postgres':
      return startPostgres({ binaries, dataDir, port, durable: true, log });
    case 'nats':
      return startNats({ binaries, dataDir, port });
    case 'redis':
      return startRedis({ binaries, dataDir, port });
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host, port, timeout: PROBE_TIMEOUT_MS });
    const settle = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => settle(true));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
  });
}

/** One address, or those of a cluster of NATS. */
function addressesIn(name: ServerName, urls: string): { hostname: string; port: number }[] {
  return (name === 'nats' ? urls.split(',') : [urls]).map((text) => {
    const { hostname, port } = new URL(text.trim());
    return { hostname: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || DEFAULT_PORTS[name] };
  });
}

/** @throws {StackFailure} when nothing listens at an address that was given for a server */
export async function requireGivenServers(settings: StackSettings): Promise<void> {
  for (const name of SERVERS) {
    const url = settings.servers[name];
    if (url === undefined) continue;
    const addresses = addressesIn(name, url);
    const found = await Promise.all(addresses.map(({ hostname, port }) => answers(hostname, port)));
    if (found.includes(true)) continue;
    const tried = addresses.map(({ hostname, port }) => `${hostname}:${port}`).join(' or ');
    throw new StackFailure(
      `Nothing answers at ${tried}, which ${VARIABLES[name]} names: start that server, or unset ${VARIABLES[name]} to get a private one.`,
    );
  }
}
