import { execFile } from 'node:child_process';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { z } from 'zod';

import { UnableToJudge } from './failure.ts';
import type { RouteWeight } from './routing.ts';

const run = promisify(execFile);
const RELOAD_TIMEOUT_MS = 30_000;

/** The nginx in front of the gateways, as whoever runs it describes it. */
export const nginxSchema = z.object({
  /** The file that `upstream` includes for its servers, and that nobody else writes. */
  file: z.string(),
  /** What makes nginx read it again, for a shell. */
  reload: z.string(),
  /** Where the gateway is that serves when no rollout has said otherwise. */
  stableUrl: z.string(),
});

export type Nginx = z.output<typeof nginxSchema>;

type Server = Pick<RouteWeight, 'url' | 'weight'>;

/** Who is to be served by whom: nginx knows no weight of 0, so who has none is left out. */
function serversOf(weights: readonly RouteWeight[], stableUrl: string): Server[] {
  const canary = weights.find(({ release }) => release === 'canary');
  const rest = 100 - (canary?.weight ?? 0);
  const stable = weights.find(({ release }) => release === 'stable') ?? { url: stableUrl, weight: rest };
  return [stable, ...(canary === undefined ? [] : [canary])].filter(({ weight }) => weight > 0);
}

/** What else the file says of its servers, as `resolve` or `max_fails=0`: true of a candidate as well. */
function parametersIn(text: string): string[] {
  const [, parameters = ''] = /^\s*server\s+[^\s;]+([^;]*);/m.exec(text) ?? [];
  return parameters.split(/\s+/).filter((word) => word !== '' && !/^(weight=.*|down|backup)$/.test(word));
}

function render(servers: readonly Server[], parameters: readonly string[]): string {
  const lines = servers.map(({ url, weight }) => {
    const { hostname, port } = new URL(url);
    const words = ['server', `${hostname}:${port === '' ? 80 : port}`, ...parameters, `weight=${weight}`];
    return `${words.join(' ')};\n`;
  });
  return `# The servers of the gateway's upstream. \`npm run canary -- gateway\` writes this file.\n${lines.join('')}`;
}

async function replaceFile(file: string, text: string): Promise<void> {
  const next = `${file}.next`;
  await writeFile(next, text);
  await rename(next, file);
}

/**
 * Splits requests between gateways by these rows. nginx goes on as before when it does not take them, and so does
 * what it reads at its next start.
 * @throws {UnableToJudge} when the file is not there, cannot be written, or nginx refuses it
 */
export async function splitByNginx(
  { file, reload, stableUrl }: Nginx,
  weights: readonly RouteWeight[],
): Promise<void> {
  const before = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UnableToJudge(`${file} cannot be read: include it in nginx's upstream first`, { cause });
  });
  try {
    await replaceFile(file, render(serversOf(weights, stableUrl), parametersIn(before)));
    await run('/bin/sh', ['-c', reload], { timeout: RELOAD_TIMEOUT_MS });
  } catch (cause) {
    await replaceFile(file, before).catch(() => undefined);
    throw new UnableToJudge(`nginx did not take ${file}: ${String(cause)}`, { cause });
  }
}
