import type { FieldError } from '@tributary/http-kit';
import type { Refused } from '../changes/naming-rules.ts';
import type { OperationsDeps } from '../deps.ts';
import { faultsOfTerms } from './check-terms.ts';
import { defaultTerms, mergeTerms, type GivenTerms } from './merge-terms.ts';
import { TERM_FIELDS, type Terms } from './policy-schema.ts';
import { danglingReferences, findPolicy } from './policy-store.ts';

type Deps = Pick<OperationsDeps, 'db' | 'settings'>;

/** What is wrong with terms that are each well-formed, with what they refer to included. */
export async function faultsOf(deps: Deps, programId: string, terms: Terms): Promise<FieldError[]> {
  const dangling = await danglingReferences(deps.db, programId, terms);
  return [...faultsOfTerms(terms), ...dangling.map((path) => ({ path, message: 'names no record' }))];
}

/** What the rules say of a new policy whose body was refused already. */
export async function faultsOfRefused(
  deps: Deps,
  given: GivenTerms,
  { request, wrong }: Refused,
): Promise<FieldError[]> {
  const before = defaultTerms(given.type ?? 'percentage', 0);
  return faultsOfRightTerms(deps, { before, given, wrong, programId: request.identity.programId });
}

/** What the rules say of a change of the policy `id` whose body was refused already. */
export async function faultsOfRefusedChange(
  deps: Deps,
  id: string,
  given: GivenTerms,
  { request, wrong }: Refused,
): Promise<FieldError[]> {
  const { programId } = request.identity;
  const text = await findPolicy(deps.db, programId, id);
  if (text === undefined) return [];
  return faultsOfRightTerms(deps, { before: JSON.parse(text) as Terms, given, wrong, programId });
}

/** Depend on the type, and say nothing where that is unknown. */
const OF_THE_TYPE: ReadonlySet<string> = new Set(['rate', 'amount', 'tiers', 'currency']);

/** Terms that may be null. Only these have rules. */
const CLEARABLE = TERM_FIELDS.filter((field) => defaultTerms('percentage', 0)[field] === null);

interface RightTerms {
  readonly before: Terms;
  readonly given: GivenTerms;
  readonly wrong: ReadonlySet<string>;
  readonly programId: string;
}

/** A wrong field says nothing about the others, nor does what stood there before: it is taken for one that is not set. */
async function faultsOfRightTerms(
  deps: Deps,
  { before, given, wrong, programId }: RightTerms,
): Promise<FieldError[]> {
  const cleared = CLEARABLE.filter((field) => wrong.has(field)).map((field) => [field, null]);
  const known: Terms = { ...before, ...(Object.fromEntries(cleared) as Partial<Terms>) };
  const { currency } = await deps.settings.current(programId);
  // Where the currency is wrong, as many decimals are right as any currency has.
  const terms = mergeTerms(known, wrong.has('currency') ? { ...given, currency: 'USD' } : given, currency);
  const faults = await faultsOf(deps, programId, terms);
  return wrong.has('type') ? faults.filter(({ path }) => !OF_THE_TYPE.has(path)) : faults;
}
