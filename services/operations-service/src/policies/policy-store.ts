import {
  newId,
  type CommandContext,
  type CommandDeps,
  type ContextPlaceholders,
  type Parameters,
} from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import { UNCHANGED, type Written } from '../changes/apply-change.ts';
import { changesBetween } from '../changes/field-changes.ts';
import { namesOf, writeRecorded } from '../changes/recorded-write.ts';
import { OWN_FIELDS, TERM_FIELDS, type Policy, type Terms } from './policy-schema.ts';
import { columnOf, policyWire } from './policy-wire.ts';
import { usageCounts, type EarlierUses } from './usage.ts';

type Db = Pick<Database, 'query'>;

const FIND = `
  SELECT ${policyWire('p', 'v')}::text AS policy FROM commission_policies p
  JOIN commission_policy_versions v ON v.program_id = p.program_id AND v.policy_id = p.id AND v.version = p.current_version
  WHERE p.program_id = $1 AND p.id = $2`;

/** The JSON text of a policy with its current terms. */
export async function findPolicy(db: Db, programId: string, id: string): Promise<string | undefined> {
  const [row] = await db.query<{ policy: string }>(FIND, [programId, id]);
  return row?.policy;
}

const REFERENCES = `
  SELECT $2::uuid IS NULL OR EXISTS (SELECT FROM partners WHERE program_id = $1 AND id = $2::uuid) AS partner_exists,
    $3::uuid IS NULL OR EXISTS (SELECT FROM products WHERE program_id = $1 AND id = $3::uuid) AS product_exists`;

/** The names of references that lead nowhere. */
export async function danglingReferences(
  db: Db,
  programId: string,
  terms: Terms,
): Promise<('partnerId' | 'productId')[]> {
  const [row] = await db.query<{ partnerExists: boolean; productExists: boolean }>(REFERENCES, [
    programId,
    terms.partnerId,
    terms.productId,
  ]);
  return [
    ...(row?.partnerExists === false ? (['partnerId'] as const) : []),
    ...(row?.productExists === false ? (['productId'] as const) : []),
  ];
}

const TERM_COLUMNS = TERM_FIELDS.map(columnOf);

/** The CTE `terms`: the next version of the policy in `written`, in force at once. */
function newVersion(parameters: Parameters, c: ContextPlaceholders, terms: Terms): string {
  const record = Object.fromEntries(TERM_FIELDS.map((field) => [columnOf(field), terms[field]]));
  return `terms AS (
    INSERT INTO commission_policy_versions (program_id, policy_id, version, effective_from, created_at, ${TERM_COLUMNS.join(', ')})
    SELECT ${c.programId}, r.id, r.current_version, ${c.now}, ${c.now}, ${TERM_COLUMNS.map((column) => `x.${column}`).join(', ')}
    FROM written r, jsonb_populate_record(NULL::commission_policy_versions, ${parameters.add(record, 'jsonb')}) x RETURNING *)`;
}

const SUBJECT = `jsonb_build_object('policyId', r.id)`;

const eventData = (
  type: string,
  changed: string,
): string => `jsonb_build_object('policyId', r.id, 'code', r.code,
    'name', r.name, 'status', r.status, 'version', r.current_version, 'type', ${type}, 'changed', ${changed})`;

const WITH_NEW_TERMS = `(SELECT ${policyWire('r', 'v')} FROM written r, terms v)`;

const WITH_SAME_TERMS = `(SELECT ${policyWire('r', 'v')} FROM written r
    JOIN commission_policy_versions v ON v.program_id = r.program_id AND v.policy_id = r.id AND v.version = r.current_version)`;

type NewPolicy = Omit<Policy, 'id' | 'policyVersion' | 'version'>;

/** Creates a policy with its first version. @returns its JSON text */
export async function createPolicy(
  deps: CommandDeps,
  context: CommandContext,
  policy: NewPolicy,
): Promise<string> {
  const changes = changesBetween<NewPolicy>({}, policy, ['code', ...OWN_FIELDS, ...TERM_FIELDS]);
  const text = await writeRecorded(deps, context, (parameters, c) => ({
    ctes: [
      `written AS (
      INSERT INTO commission_policies (id, program_id, code, name, description, status, priority, created_at, updated_at)
      VALUES (${parameters.add(newId(), 'uuid')}, ${c.programId}, ${parameters.add(policy.code, 'text')},
        ${parameters.add(policy.name, 'text')}, ${parameters.add(policy.description, 'text')},
        ${parameters.add(policy.status, 'text')}, ${parameters.add(policy.priority, 'int')}, ${c.now}, ${c.now}) RETURNING *)`,
      newVersion(parameters, c, policy),
    ],
    entityType: 'policy',
    entityId: 'r.id::text',
    action: 'created',
    changes: parameters.add(changes, 'jsonb'),
    events: [
      {
        type: 'policy.created',
        subject: SUBJECT,
        data: eventData(parameters.add(policy.type, 'text'), 'NULL'),
      },
    ],
    answer: WITH_NEW_TERMS,
  }));
  if (text === undefined) throw new Error('a policy was not written');
  return text;
}

export interface PolicyChange {
  readonly before: Policy;
  readonly after: Policy;
  /** For a first limit: see `usageCounts`. */
  readonly earlier: EarlierUses | undefined;
}

/**
 * Changes a policy as it was read: other terms become the next version, a name, status or priority does not.
 * @returns its JSON text; undefined when it had moved on
 */
export async function updatePolicy(
  deps: CommandDeps,
  context: CommandContext,
  { before, after, earlier }: PolicyChange,
): Promise<Written> {
  const termChanges = changesBetween<Policy>(before, after, TERM_FIELDS);
  const changes = [...changesBetween<Policy>(before, after, OWN_FIELDS), ...termChanges];
  if (changes.length === 0) return UNCHANGED;
  const newTerms = termChanges.length > 0;
  return writeRecorded(deps, context, (parameters, c) => {
    const policyId = parameters.add(before.id, 'uuid');
    const ctes = [
      `written AS (
      UPDATE commission_policies p SET name = ${parameters.add(after.name, 'text')},
        description = ${parameters.add(after.description, 'text')}, status = ${parameters.add(after.status, 'text')},
        priority = ${parameters.add(after.priority, 'int')}, current_version = p.current_version + ${newTerms ? 1 : 0},
        version = p.version + 1, updated_at = ${c.now}
      WHERE p.program_id = ${c.programId} AND p.id = ${policyId} AND p.version = ${parameters.add(before.version, 'int')}
      RETURNING p.*)`,
      ...(newTerms ? [newVersion(parameters, c, after)] : []),
      ...(earlier === undefined ? [] : usageCounts(parameters, c, { policyId, earlier })),
    ];
    const type = parameters.add(after.type, 'text');
    const changed = parameters.add(namesOf(changes), 'jsonb');
    return {
      ctes,
      entityType: 'policy',
      entityId: 'r.id::text',
      action: 'updated',
      changes: parameters.add(changes, 'jsonb'),
      events: [{ type: 'policy.updated', subject: SUBJECT, data: eventData(type, changed) }],
      answer: newTerms ? WITH_NEW_TERMS : WITH_SAME_TERMS,
    };
  });
}
