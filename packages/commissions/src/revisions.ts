/**
 * SQL of a scalar that differs after any change of the programme's policies. Their number and the sum of their row versions: a
 * policy begins at 1, each change adds 1 and none is ever deleted, so that changes which run at once can neither hide each other
 * nor cancel out, as the latest `updated_at` could.
 * @param programId its placeholder
 */
export const policyRevision = (programId: string): string => revisionOf('commission_policies', programId);

/** The same of the programme's settings. */
export const settingsRevision = (programId: string): string => revisionOf('settings', programId);

const revisionOf = (table: string, programId: string): string =>
  `(SELECT count(*) || '.' || coalesce(sum(version), 0) FROM ${table} WHERE program_id = ${programId})`;
