import { instant } from '@tributary/commissions';
import { TERM_FIELDS } from './policy-schema.ts';

/** The column of a term. */
export const columnOf = (field: string): string =>
  field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const MOMENTS: ReadonlySet<string> = new Set(['validFrom', 'validUntil']);

/** `'rate', v.rate, ...`: a version's terms for json_build_object. */
const termPairs = (v: string): string =>
  TERM_FIELDS.map((field) => {
    const column = `${v}.${columnOf(field)}`;
    return `'${field}', ${MOMENTS.has(field) ? instant(column) : column}`;
  }).join(', ');

/** A policy on the wire, from its row `p` and the version `v`. */
export const policyWire = (
  p: string,
  v: string,
): string => `json_build_object('id', ${p}.id, 'code', ${p}.code,
    'name', ${p}.name, 'description', ${p}.description, 'status', ${p}.status, 'priority', ${p}.priority,
    'policyVersion', ${v}.version, ${termPairs(v)}, 'version', ${p}.version,
    'createdAt', ${instant(`${p}.created_at`)}, 'updatedAt', ${instant(`${p}.updated_at`)})`;

/** One version on the wire. */
export const versionWire = (v: string): string => `json_build_object('policyVersion', ${v}.version,
    'effectiveFrom', ${instant(`${v}.effective_from`)}, 'createdAt', ${instant(`${v}.created_at`)}, ${termPairs(v)})`;
