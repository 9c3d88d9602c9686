import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { z } from 'zod';

import { UnableToJudge } from './failure.ts';
import { LIMITS } from './limits.ts';
import type { Nginx } from './nginx.ts';

const USAGE = `npm run canary -- SERVICE --candidate URL [--steps 10,50,100] [--step-seconds 300] [--min-requests 500] [--worker-seconds 300] [--prometheus URL]
npm run canary -- SERVICE --reset
npm run canary -- gateway ... --nginx-upstream FILE [--nginx-reload 'nginx -s reload']

Of the running stack in TRIBUTARY_HOME, or of GATEWAY_URL, DATABASE_URL and NATS_URL.`;

/** The one whose releases nginx splits. */
export const GATEWAY = 'gateway';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the platform is that a rollout works on. */
export interface Platform {
  readonly gatewayUrl: string;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly natsNamespace: string;
  readonly metricsToken: string | undefined;
}

/** A rollout as it was asked for. */
export interface Plan {
  readonly service: string;
  readonly candidate: string;
  /** Shares of the traffic in percent, rising. */
  readonly steps: readonly number[];
  readonly stepMs: number;
  readonly minRequests: number;
  /** How long the candidate's consumers and jobs are watched, as the last step. */
  readonly workersMs: number;
  readonly prometheusUrl: string | undefined;
}

/** The nginx that splits the requests between gateways: nobody stands before them to do it otherwise. */
export type NginxOptions = Omit<Nginx, 'stableUrl'>;

export type Command = { readonly nginx: NginxOptions | undefined } & (
  | { readonly kind: 'roll-out'; readonly plan: Plan }
  | { readonly kind: 'reset'; readonly service: string }
);

const origin = z.url({ protocol: /^https?$/ }).transform((text) => new URL(text).origin);
const steps = z
  .string()
  .transform((text) => text.split(',').map(Number))
  .refine(
    (list) =>
      list.every((step, index) => Number.isInteger(step) && step > (list[index - 1] ?? 0) && step <= 100),
    'must rise, from 1 to 100',
  )
  .refine((list) => list.at(-1) === 100, 'must end at 100');
const count = z.coerce.number().int().positive();

const valuesSchema = z.object({
  candidate: origin,
  steps,
  'step-seconds': count,
  'min-requests': count,
  'worker-seconds': count,
  prometheus: origin.optional(),
});

/** @throws {UnableToJudge} naming what is wrong */
export function readCommand(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  const [service, ...others] = positionals;
  if (service === undefined || others.length > 0) throw new UnableToJudge(USAGE);
  const nginx = readNginx(service, values);
  if (values.reset === true) return { kind: 'reset', service, nginx };
  const parsed = valuesSchema.safeParse(values);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`);
    throw new UnableToJudge(`${faults.join('; ')}\n${USAGE}`);
  }
  const { candidate, steps, prometheus: prometheusUrl, ...numbers } = parsed.data;
  if (nginx !== undefined && !candidate.startsWith('http:'))
    throw new UnableToJudge(`--candidate: nginx talks HTTP to gateways\n${USAGE}`);
  const plan = {
    service,
    candidate,
    steps,
    stepMs: numbers['step-seconds'] * 1_000,
    minRequests: numbers['min-requests'],
    workersMs: numbers['worker-seconds'] * 1_000,
    prometheusUrl,
  };
  return { kind: 'roll-out', plan, nginx };
}

function readNginx(service: string, values: ReturnType<typeof parse>['values']): NginxOptions | undefined {
  const file = values['nginx-upstream'];
  if ((service === GATEWAY) !== (file !== undefined))
    throw new UnableToJudge(`--nginx-upstream: the gateway needs it, and no other service does\n${USAGE}`);
  // The guardian that may have to write it stands in no folder of its own choosing.
  return file === undefined ? undefined : { file: resolve(file), reload: values['nginx-reload'] };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        candidate: { type: 'string' },
        steps: { type: 'string', default: LIMITS.steps.join(',') },
        'step-seconds': { type: 'string', default: String(LIMITS.stepSeconds) },
        'min-requests': { type: 'string', default: String(LIMITS.minRequests) },
        'worker-seconds': { type: 'string', default: String(LIMITS.stepSeconds) },
        prometheus: { type: 'string' },
        'nginx-upstream': { type: 'string' },
        'nginx-reload': { type: 'string', default: 'nginx -s reload' },
        reset: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UnableToJudge(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

const stackSchema = z.object({
  gatewayUrl: z.string().optional(),
  databaseUrl: z.string().optional(),
  natsUrl: z.string().optional(),
});

/** From the environment, and for the rest from the file of the running stack. */
export function findPlatform(root: string, env: Environment): Platform {
  const file = join(resolve(root, env['TRIBUTARY_HOME'] ?? '.tributary'), 'stack.json');
  const stack = existsSync(file) ? stackSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : {};
  const required = (name: string, fromStack: string | undefined): string => {
    const value = env[name] ?? fromStack;
    if (value === undefined) throw new UnableToJudge(`No stack runs (${file}): start one or set ${name}.`);
    return value;
  };
  return {
    gatewayUrl: required('GATEWAY_URL', stack.gatewayUrl),
    databaseUrl: required('DATABASE_URL', stack.databaseUrl),
    natsUrl: required('NATS_URL', stack.natsUrl),
    natsNamespace: env['NATS_NAMESPACE'] ?? '',
    metricsToken: env['METRICS_TOKEN'],
  };
}
