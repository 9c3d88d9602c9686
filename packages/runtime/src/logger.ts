import { pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import { redact, REDACTED, redactText } from './redaction.ts';

export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly service: string;
  readonly level?: string;
  /** Where lines go; standard output by default. */
  readonly destination?: DestinationStream;
}

/**
 * What a child logger is made with does not pass through `formatters`, so for it the names are listed; pino looks them
 * up by key, which costs a line nothing.
 */
const BINDING_NAMES = [
  'authorization',
  'cookie',
  'token',
  'accessToken',
  'refreshToken',
  'secret',
  'password',
  'apiKey',
];

/**
 * A JSON logger. Secrets are masked by the name of their property at any depth, and in errors also by their look.
 * Every line carries `service`; a child made with `{ requestId }` carries that on.
 */
export function createLogger({ service, level = 'info', destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: [...BINDING_NAMES], censor: REDACTED },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (line: Record<string, unknown>) => redact(line),
    },
    serializers: { err: serializeError, error: serializeError },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return redact(error);
  const { raw: _raw, aggregateErrors: _aggregate, ...serialized } = stdSerializers.err(error);
  return redact({
    ...serialized,
    message: redactText(serialized.message),
    stack: redactText(serialized.stack),
  });
}
