import { resolve } from 'node:path';

import { z } from 'zod';

import { StackFailure } from './failure.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What decides how a stack is started. */
export interface StackSettings {
  /** Folder of the workspace. */
  readonly root: string;
  /** Private folder of this stack: data, logs, secrets, remembered ports. */
  readonly home: string;
  readonly gatewayPort: number;
  readonly gatewayHost: string;
  /** Servers that exist already; those left out are started privately. */
  readonly servers: { readonly postgres?: string; readonly nats?: string; readonly redis?: string };
  /** How the services reach Postgres, where their role needs more than its name (a password). */
  readonly serviceDatabaseUrl?: string;
  /** Whether an empty database gets the demonstration programme, as it does when this is left out; a bench has data of its own. */
  readonly demonstration?: boolean;
  /** What the services inherit. */
  readonly environment: Environment;
}

const present = z.preprocess((value) => (value === '' ? undefined : value), z.string().optional());
const isUrl = (text: string, protocol: RegExp): boolean => protocol.test(URL.parse(text)?.protocol ?? '');

const url = (kind: string, protocol: RegExp) =>
  present.refine((text) => text === undefined || isUrl(text, protocol), { message: `must be a ${kind} URL` });

const schema = z.object({
  PORT: present
    .default('8080')
    .refine((text) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535, {
      message: 'must be a port number from 1 to 65535',
    })
    .transform(Number),
  HOST: present.default('127.0.0.1'),
  TRIBUTARY_HOME: present.default('.tributary'),
  DATABASE_URL: url('postgres://', /^postgres(ql)?:$/),
  SERVICE_DATABASE_URL: url('postgres://', /^postgres(ql)?:$/),
  REDIS_URL: url('redis://', /^rediss?:$/),
  /** One server or, comma-separated, several of a cluster. */
  NATS_URL: present.refine(
    (text) => text === undefined || text.split(',').every((server) => isUrl(server.trim(), /^(nats|tls):$/)),
    { message: 'must be a nats:// URL, or several with commas between them' },
  ),
  DEMONSTRATION: present
    .default('on')
    .refine((text) => text === 'on' || text === 'off', { message: 'must be on or off' })
    .transform((text) => text === 'on'),
});

/** npm's own variables and what every service is given its own value of are not handed down. */
function inheritable(env: Environment): Environment {
  const own = new Set([...Object.keys(schema.shape), 'NODE_CHANNEL_FD', 'INIT_CWD', 'NODE']);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.has(name) && !/^npm_/i.test(name)));
}

/**
 * Reads the settings of `npm start` from the environment.
 * @throws {StackFailure} naming every variable that is wrong
 */
export function readSettings(root: string, env: Environment): StackSettings {
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`);
    throw new StackFailure(`${faults.join('; ')}.`);
  }
  const {
    PORT,
    HOST,
    TRIBUTARY_HOME,
    DATABASE_URL,
    SERVICE_DATABASE_URL,
    REDIS_URL,
    NATS_URL,
    DEMONSTRATION,
  } = parsed.data;
  return {
    root,
    home: resolve(root, TRIBUTARY_HOME),
    gatewayPort: PORT,
    gatewayHost: HOST,
    servers: {
      ...(DATABASE_URL === undefined ? {} : { postgres: DATABASE_URL }),
      ...(NATS_URL === undefined ? {} : { nats: NATS_URL }),
      ...(REDIS_URL === undefined ? {} : { redis: REDIS_URL }),
    },
    ...(SERVICE_DATABASE_URL === undefined ? {} : { serviceDatabaseUrl: SERVICE_DATABASE_URL }),
    demonstration: DEMONSTRATION,
    environment: inheritable(env),
  };
}
