import type { AppError, ErrorSpec, FieldError } from './errors.ts';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

/** RFC 9457, with the members of our own that clients rely on. */
export interface Problem {
  readonly success: false;
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly errors?: readonly FieldError[];
  readonly requestId: string;
}

/** An identifier, not a page to fetch: `urn:tributary:problem:commission-not-found`. */
export function problemType(code: string): string {
  return `urn:tributary:problem:${code.toLowerCase().replaceAll('_', '-')}`;
}

/** The document for an error. Of a 5xx it says nothing but its title: details are for the log. */
export function toProblem(error: AppError, requestId: string): Problem {
  const { spec, extra } = error;
  return {
    ...extra.members,
    success: false,
    type: problemType(spec.code),
    title: spec.title,
    status: spec.status,
    detail: spec.status >= 500 ? hiddenDetail(spec) : error.message,
    code: spec.code,
    ...(extra.errors === undefined ? {} : { errors: extra.errors }),
    requestId,
  };
}

function hiddenDetail({ status }: ErrorSpec): string {
  return status === 503
    ? 'The service cannot answer at the moment; try again shortly.'
    : 'The request could not be completed; the request id leads to what happened.';
}
