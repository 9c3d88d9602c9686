import { isDeepStrictEqual } from 'node:util';

/** One field of an audited change, named as on the wire. */
export interface FieldChange {
  readonly field: string;
  readonly oldValue: unknown;
  readonly newValue: unknown;
}

/** What differs in these fields; a field that is absent counts as null. */
export function changesBetween<Record extends object>(
  before: Partial<Record>,
  after: Partial<Record>,
  fields: readonly (keyof Record & string)[],
): FieldChange[] {
  return fields
    .map((field) => ({ field, oldValue: before[field] ?? null, newValue: after[field] ?? null }))
    .filter(({ oldValue, newValue }) => !isDeepStrictEqual(oldValue, newValue));
}
