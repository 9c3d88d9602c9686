import { destination as openDestination, pino, stdSerializers, stdTimeFunctions } from 'pino';
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

/** About a dozen lines: a write per line costs a busy gateway a tenth of its CPU. */
const BUFFERED_BYTES = 4_096;
/** A line is seen this much after it was written, at the latest. */
const FLUSH_EVERY_MS = 150;

let standardOutput: DestinationStream | undefined;

/**
 * Standard output, shared by all loggers of the process and written in groups of lines. Written synchronously: nothing
 * is on its way when the process ends, so that every end but SIGKILL leaves a complete log. `fatal` writes at once.
 */
function bufferedStandardOutput(): DestinationStream {
  if (standardOutput !== undefined) return standardOutput;
  const output = openDestination({
    dest: 1,
    sync: true,
    minLength: BUFFERED_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
  });
  process.on('exit', () => output.flushSync());
  standardOutput = output;
  return output;
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
    redact: { paths: [...BINDING_NAMES], censor: REDACTED },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (line: Record<string, unknown>) => redact(line),
    },
    serializers: { err: serializeError, error: serializeError },
  };
  return pino(options, destination ?? bufferedStandardOutput());
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
