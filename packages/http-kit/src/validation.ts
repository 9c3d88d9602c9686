import type { FastifyRequest, FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import type { FieldError } from './errors.ts';

/** What the validator throws; the error handler turns it into a 400 that names every wrong field. */
export class RequestInvalidError extends Error {
  override readonly name = 'RequestInvalidError';
  readonly statusCode = 400;
  errors: readonly FieldError[];
  /** Set by Fastify: which part of the request failed. */
  validationContext?: string;

  constructor(issues: readonly z.core.$ZodIssue[]) {
    super('the request does not match its schema');
    this.errors = issues.flatMap((issue) => fieldErrors(issue));
  }

  /** Adds what rules beyond the schema say of fields that it found right, so that one answer names every wrong field. */
  alsoName(faults: readonly FieldError[]): void {
    const known = new Set(this.errors.map(({ path }) => fieldOf(path)));
    this.errors = [...this.errors, ...faults.filter(({ path }) => !known.has(fieldOf(path)))];
  }
}

/** `tiers` of `tiers.0.maxAmount`. */
export const fieldOf = (path: string): string => path.split('.', 1)[0] ?? path;

/** The validator of every route: zod, with all issues kept. */
export const validatorCompiler: FastifySchemaCompiler<z.core.$ZodType> = ({ schema }) => {
  return (data: unknown) => {
    const result = z.safeParse(schema, data);
    return result.success ? { value: result.data } : { error: new RequestInvalidError(result.error.issues) };
  };
};

const parts = [
  ['params', 'params'],
  ['body', 'body'],
  ['querystring', 'query'],
] as const;

/**
 * Fastify stops at the first part of a request that fails; clients are told about every part. Runs only on the way to
 * a 400. The parts before the failing one have passed and hold parsed values already.
 */
export function allFieldErrors(error: RequestInvalidError, request: FastifyRequest): FieldError[] {
  const failedAt = parts.findIndex(([schemaPart]) => schemaPart === error.validationContext);
  const untouched = failedAt === -1 ? [] : parts.slice(failedAt + 1);
  const further = untouched.flatMap(([schemaPart, requestPart]) => {
    const schema = request.routeOptions.schema?.[schemaPart];
    if (!(schema instanceof z.core.$ZodType)) return [];
    const result = z.safeParse(schema, request[requestPart]);
    return result.success ? [] : result.error.issues.flatMap((issue) => fieldErrors(issue));
  });
  return [...error.errors, ...further];
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'is not a known field' }));
  }
  if (issue.code === 'invalid_union') return unionErrors(issue, path);
  return [{ path: path.join('.'), message: issue.message }];
}

/** Of several shapes that were possible, the one that comes closest is what the client meant. */
function unionErrors(issue: z.core.$ZodIssueInvalidUnion, path: readonly string[]): FieldError[] {
  const options = issue.errors.toSorted((a, b) => a.length - b.length);
  const closest = options.find((issues) => issues.some((inner) => inner.path.length > 0));
  if (closest === undefined) return [{ path: path.join('.'), message: issue.message }];
  return closest
    .flatMap((inner) => fieldErrors(inner))
    .map((inner) => ({ ...inner, path: [...path, inner.path].filter((part) => part !== '').join('.') }));
}
