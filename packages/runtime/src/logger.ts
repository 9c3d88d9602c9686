import { pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import { createBufferedOutput } from './buffered-output.ts';
import type { BufferedOutput } from './buffered-output.ts';
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

let standardOutput: BufferedOutput | undefined;

/**
 * Standard output, shared by all loggers of the process. Every end but SIGKILL leaves a complete log, as far as the disk
 * takes it. `fatal` writes at once. Our own rather than pino's destination: on a full disk that one throws at nobody and
 * then tries for ever to write its last words, so that a process neither serves nor ends.
 */
function bufferedStandardOutput(service: string): BufferedOutput {
  if (standardOutput !== undefined) return standardOutput;
  const output = createBufferedOutput({
    fd: 1,
    describeLoss: (lines, code) =>
      `${JSON.stringify({
        level: 'error',
        time: new Date().toISOString(),
        service,
        lines,
        code,
        msg: 'lines of this log could not be written and are lost',
      })}\n`,
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
  return pino(options, destination ?? bufferedStandardOutput(service));
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
