/** One kind of failure: its code is the contract with clients, the title says it in words. */
export interface ErrorSpec<Code extends string = string> {
  readonly code: Code;
  readonly status: number;
  readonly title: string;
}

export type ErrorCatalogue = Readonly<Record<string, ErrorSpec>>;

/** One wrong field of a request. `path` is dotted (`lines.0.amount`); empty for the body as a whole. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

export interface ErrorExtra {
  readonly errors?: readonly FieldError[];
  /** Further members of the problem document, such as the status a record is in. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/**
 * A service's error codes: `defineErrors({ COMMISSION_NOT_FOUND: { status: 404, title: 'Commission not found' } })`.
 * @throws when a code is not UPPER_SNAKE or a status is no error
 */
export function defineErrors<
  Specs extends Record<string, { readonly status: number; readonly title: string }>,
>(specs: Specs): { readonly [Code in keyof Specs & string]: ErrorSpec<Code> } {
  for (const [code, { status }] of Object.entries(specs)) {
    if (!/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(code)) throw new Error(`error code ${code} is not UPPER_SNAKE`);
    if (status < 400 || status > 599)
      throw new Error(`error ${code} has status ${status}, which is no failure`);
  }
  const entries = Object.entries(specs).map(([code, spec]) => [code, Object.freeze({ code, ...spec })]);
  return Object.freeze(Object.fromEntries(entries)) as {
    readonly [Code in keyof Specs & string]: ErrorSpec<Code>;
  };
}

/** A failure that the client is told about: thrown by handlers, answered as a problem document. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly spec: ErrorSpec;
  readonly extra: ErrorExtra;

  constructor(spec: ErrorSpec, detail: string, extra: ErrorExtra = {}) {
    super(detail, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.spec = spec;
    this.extra = extra;
  }

  get statusCode(): number {
    return this.spec.status;
  }
}

/** What any route may answer. */
export const commonErrors = defineErrors({
  VALIDATION_ERROR: { status: 400, title: 'The request is not valid' },
  UNAUTHENTICATED: { status: 401, title: 'Authentication is required' },
  FORBIDDEN: { status: 403, title: 'Not allowed' },
  ROUTE_NOT_FOUND: { status: 404, title: 'No such route' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The route does not take this method' },
  CONFLICT: { status: 409, title: 'The request conflicts with the present state' },
  CONCURRENT_CHANGE: { status: 409, title: 'Somebody else is changing this right now' },
  IDEMPOTENCY_IN_PROGRESS: { status: 409, title: 'The first request with this key is still being worked on' },
  VERSION_MISMATCH: { status: 412, title: 'Somebody else changed this first' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  URI_TOO_LONG: { status: 414, title: 'The address is too long' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The content type is not supported' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The idempotency key was used for another request' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  HEADERS_TOO_LARGE: { status: 431, title: 'The request headers are too large' },
  INTERNAL_ERROR: { status: 500, title: 'Something went wrong on our side' },
  SERVICE_UNAVAILABLE: { status: 503, title: 'Temporarily unavailable' },
});

/** More would make the answer to a hostile body as large as the body. */
const MAX_FIELD_ERRORS = 100;
const MAX_PATH_LENGTH = 200;
const NAMED_IN_DETAIL = 5;

/** A 400 that names fields: of its schema, or by rules that a schema cannot express. */
export function validationError(faults: readonly FieldError[]): AppError {
  const errors = faults
    .slice(0, MAX_FIELD_ERRORS)
    .map(({ path, message }) => ({ path: path.slice(0, MAX_PATH_LENGTH), message }));
  const named = errors
    .slice(0, NAMED_IN_DETAIL)
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  const more = faults.length > NAMED_IN_DETAIL ? [`and ${faults.length - NAMED_IN_DETAIL} more`] : [];
  return new AppError(commonErrors.VALIDATION_ERROR, [...named, ...more].join('; '), { errors });
}
