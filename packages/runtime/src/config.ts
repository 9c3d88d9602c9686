import { z } from 'zod';

/** Settings of a process whose faults are all in `faults`, one per line of the message. Never holds a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The configuration is wrong:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.faults = faults;
  }
}

const secrets = new WeakSet<z.core.$ZodType>();

/** Marks a setting as secret: `describeConfig` masks it whatever it holds. */
export function secret<Schema extends z.ZodType>(schema: Schema): Schema {
  secrets.add(schema);
  return schema;
}

/** A switch in the environment: `on` or `off` (also `true`/`false`, `1`/`0`). */
export function setting(defaultValue: 'on' | 'off') {
  return z
    .enum(['on', 'off', 'true', 'false', '1', '0'])
    .default(defaultValue)
    .transform((value) => value === 'on' || value === 'true' || value === '1');
}

/** A whole number in the environment; an empty or fractional text is a fault, not a zero. */
export function integerSetting(min: number, max: number) {
  return z
    .string()
    .regex(/^-?\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max));
}

/** A comma-separated list in the environment; blanks around and between entries are dropped. */
export function listSetting() {
  return z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== ''),
    );
}

/** What every process reads. A service spreads it: `z.object({ ...processSettings, HASH_PEPPER: secret(...) })`. */
export const processSettings = {
  PORT: integerSetting(0, 65_535),
  HOST: z.string().min(1).default('127.0.0.1'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  /** A streaming replica, from which lists and dashboards are read. */
  TRIBUTARY_READ_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }),
  NATS_URL: z.string().min(1),
  NATS_NAMESPACE: z
    .string()
    .regex(/^[A-Za-z0-9_-]*$/)
    .default(''),
  /** Copies of each stream: 1 on a single server, 3 on a cluster. */
  NATS_REPLICAS: integerSetting(1, 5).default(1),
  IDENTITY_SECRET: secret(z.string().min(32)),
  /** Of an OTLP/HTTP collector; traces are sent there. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  /** Which part of the traces that begin here is recorded. */
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  WORKERS: setting('on'),
  RELEASE: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .default('stable'),
} as const;

/**
 * Reads the settings that `schema` names out of an environment. Frozen. An empty variable counts as absent, so that
 * `X= npm start` takes the default.
 * @throws {ConfigError} naming every fault at once, and no value
 */
export function loadConfig<Schema extends z.ZodObject>(
  schema: Schema,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<z.output<Schema>> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(present);
  if (parsed.success) return Object.freeze(parsed.data);
  throw new ConfigError(parsed.error.issues.map((issue) => describeFault(issue, present)));
}

function describeFault(issue: z.core.$ZodIssue, env: Readonly<Record<string, string | undefined>>): string {
  const name = String(issue.path[0] ?? 'configuration');
  return env[name] === undefined ? `${name} is missing` : `${name}: ${issue.message}`;
}

/** One line for the log at boot: `PORT=4001 DATABASE_URL=postgres://u:***@h/db IDENTITY_SECRET=***`. */
export function describeConfig(schema: z.ZodObject, config: Readonly<Record<string, unknown>>): string {
  return Object.entries(schema.shape)
    .map(([name, field]) => `${name}=${isSecret(field) ? '***' : printable(config[name])}`)
    .join(' ');
}

function isSecret(field: z.core.$ZodType): boolean {
  if (secrets.has(field)) return true;
  const { def } = field._zod;
  return 'innerType' in def && isSecret(def.innerType as z.core.$ZodType);
}

/** Passwords in URLs are masked even where nobody thought of marking the setting. */
function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  return text.replaceAll(/(:\/\/[^:/@\s,]*):[^@/\s,]*@/g, '$1:***@');
}
