import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { freePort, isPortFree } from '@tributary/local-servers';
import { z } from 'zod';

import { StackFailure } from '../failure.ts';
import { readJson, writePrivateJson } from './files.ts';

/** What a killed stack leaves behind is gone within this time. */
const PATIENCE_MS = 3_000;
const POLL_MS = 50;

async function becomesFree(port: number): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isPortFree(port))) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** @throws {StackFailure} when something else listens on the gateway's port */
export async function claimGatewayPort(port: number): Promise<void> {
  if (await becomesFree(port)) return;
  throw new StackFailure(
    `Port ${port} is taken by another process: stop that one, or choose another port with PORT=${port + 1} npm start.`,
  );
}

/**
 * A port for each name: the one it had last time where that is still free, so that addresses survive a restart.
 * @param log told when a port had to change
 */
export async function rememberPorts(
  home: string,
  names: readonly string[],
  log: (line: string) => void,
): Promise<Record<string, number>> {
  const file = join(home, 'ports.json');
  const known = readJson(file, z.record(z.string(), z.number())) ?? {};
  const choose = async (name: string): Promise<[string, number]> => {
    const before = known[name];
    if (before !== undefined && (await becomesFree(before))) return [name, before];
    const port = await freePort();
    if (before !== undefined)
      log(`Port ${before} of ${name} is taken by another process; it moves to ${port}.`);
    return [name, port];
  };
  const ports = Object.fromEntries(await Promise.all(names.map(choose)));
  writePrivateJson(file, { ...known, ...ports });
  return ports;
}
