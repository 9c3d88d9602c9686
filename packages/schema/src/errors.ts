/** Connection-level codes of the driver and of the operating system; `ERR_*` are Node's own programming errors. */
const CONNECTION_CODE = /^(CONNECTION_[A-Z]+|CONNECT_TIMEOUT|E(?!RR_)[A-Z]+)$/;

/**
 * SQLSTATEs that say "there is no working server for this client": connection failures (08), bad credentials (28), no such
 * database (3D), out of resources (53), shutting down or starting up (57P0x), idle in transaction for too long (25P03), and
 * a primary demoted to a standby (25006). Not 08P01, a message the server could not read: that is a fault of ours, such as a
 * parameter too many, and trying again would not mend it.
 */
const UNAVAILABLE_STATE = /^(08(?!P01)...|28...|3D000|53...|57P0.|25P03|25006)$/;

/** Failures that come before a statement could have been sent. */
const NEVER_SENT = /^(CONNECT_TIMEOUT|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|28...|3D000|53300|57P03)$/;

/**
 * No connection could be had, or the one in use was lost: answered as 503. `outcomeUnknown` is true when the statement may
 * have reached the server, so that whether it took effect has to be read, not assumed.
 */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError';
  readonly outcomeUnknown: boolean;

  constructor(message: string, options: { cause?: unknown; outcomeUnknown?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.outcomeUnknown = options.outcomeUnknown ?? false;
  }
}

function stringProperty(error: unknown, property: 'code' | 'constraint_name'): string | undefined {
  if (typeof error !== 'object' || error === null || !(property in error)) return undefined;
  const value: unknown = (error as Record<string, unknown>)[property];
  return typeof value === 'string' ? value : undefined;
}

/** The SQLSTATE with which Postgres refused a statement (`23505`, ...), or undefined when the error is not Postgres's. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'PostgresError') return undefined;
  return stringProperty(error, 'code');
}

/** The name of the violated constraint, where there is one. */
export function constraintName(error: unknown): string | undefined {
  return sqlState(error) === undefined ? undefined : stringProperty(error, 'constraint_name');
}

/** Turns what the driver throws for a lost or unobtainable connection into a DatabaseUnavailableError, and leaves the rest. */
export function asUnavailable(error: unknown): unknown {
  const state = sqlState(error);
  const code = state ?? stringProperty(error, 'code');
  if (code === undefined) return error;
  if (!(state === undefined ? CONNECTION_CODE : UNAVAILABLE_STATE).test(code)) return error;
  return new DatabaseUnavailableError(`The database is not available (${code}).`, {
    cause: error,
    outcomeUnknown: !NEVER_SENT.test(code),
  });
}
