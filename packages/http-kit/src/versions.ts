import type { FastifyRequest } from 'fastify';
import { AppError, commonErrors } from './errors.ts';

/** The entity tag of a record's version: `"5"`. */
export function versionEtag(version: number): string {
  return `"${version}"`;
}

/**
 * The version that `If-Match` insists on; undefined without the header or for `*`. The command puts it into its WHERE
 * and its outcome becomes `versionMismatch()`. A bare number is taken for the tag: it is what `version` in a body says.
 * @throws 412 for a tag that is none of ours, since no record can match it
 */
export function expectedVersion(request: FastifyRequest): number | undefined {
  const header = request.headers['if-match']?.trim();
  if (header === undefined || header === '*') return undefined;
  const version = /^(?:(?:W\/)?"(\d{1,9})"|(\d{1,9}))$/.exec(header)?.slice(1).find(Boolean);
  if (version === undefined) throw versionMismatch('If-Match names no version of this record');
  return Number(version);
}

/** @throws 412 when `If-Match` names another version than the one read */
export function assertVersion(request: FastifyRequest, version: number): void {
  const expected = expectedVersion(request);
  if (expected !== undefined && expected !== version)
    throw versionMismatch(`The record is at version ${version}`);
}

export function versionMismatch(detail = 'Somebody else changed this record first; read it again'): AppError {
  return new AppError(commonErrors.VERSION_MISMATCH, detail);
}
