import { pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import { redact, redactText } from './redaction.ts';

export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly service: string;
  readonly level?: string;
  /** Where lines go; standard output by default. */
  readonly destination?: DestinationStream;
}

/**
 * A JSON logger. Secrets are masked by the name of their property at any depth, and in errors also by their look.
 * Every line carries `service`; a child made with `{ requestId }` carries that on.
 */
export function createLogger({ service, level = 'info', destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (line: Record<string, unknown>) => redact(line),
      bindings: (bindings: Record<string, unknown>) => redact(bindings),
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
