import { newId, requireRows, type CommandContext, type CommandDeps } from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import type { z } from 'zod';
import { UNCHANGED, type Written } from '../changes/apply-change.ts';
import { changesBetween, type FieldChange } from '../changes/field-changes.ts';
import { namesOf, writeRecorded } from '../changes/recorded-write.ts';
import { partnerWire, storedCode, type newPartnerBody, type Partner } from './partner-schema.ts';

const FIELDS = ['name', 'email', 'externalId', 'tier', 'status', 'paymentHold', 'referralCode'] as const;

const FIND = `SELECT ${partnerWire('p', storedCode('p'))}::text AS partner FROM partners p WHERE p.program_id = $1 AND p.id = $2`;

export async function findPartner(
  db: Pick<Database, 'query'>,
  programId: string,
  id: string,
): Promise<string | undefined> {
  const [row] = await db.query<{ partner: string }>(FIND, [programId, id]);
  return row?.partner;
}

const eventData = (
  code: string,
  changed: string,
): string => `jsonb_build_object('partnerId', r.id, 'name', r.name,
    'tier', r.tier, 'status', r.status, 'paymentHold', r.payment_hold, 'referralCode', ${code}, 'changed', ${changed})`;

const SUBJECT = `jsonb_build_object('partnerId', r.id)`;

type NewPartner = z.output<typeof newPartnerBody> & { readonly referralCode: string };

/** Creates a partner with its default referral code. @returns its JSON text */
export async function createPartner(
  deps: CommandDeps,
  context: CommandContext,
  input: NewPartner,
): Promise<string> {
  const { referralCode, ...partner } = input;
  const changes = changesBetween<NewPartner>({}, input, FIELDS);
  const text = await writeRecorded(deps, context, (parameters, c) => {
    const code = parameters.add(referralCode, 'text');
    return {
      ctes: [
        `written AS (
        INSERT INTO partners (id, program_id, name, email, external_id, tier, status, payment_hold, created_at, updated_at)
        VALUES (${parameters.add(newId(), 'uuid')}, ${c.programId}, ${parameters.add(partner.name, 'text')},
          ${parameters.add(partner.email, 'text')}, ${parameters.add(partner.externalId, 'text')},
          ${parameters.add(partner.tier, 'text')}, ${parameters.add(partner.status, 'text')},
          ${parameters.add(partner.paymentHold, 'boolean')}, ${c.now}, ${c.now}) RETURNING *)`,
        `coded AS (
        INSERT INTO referral_codes (id, program_id, code, partner_id, is_default, created_at)
        SELECT ${parameters.add(newId(), 'uuid')}, ${c.programId}, ${code}, r.id, TRUE, ${c.now} FROM written r)`,
      ],
      entityType: 'partner',
      entityId: 'r.id::text',
      action: 'created',
      changes: parameters.add(changes, 'jsonb'),
      events: [{ type: 'partner.created', subject: SUBJECT, data: eventData(code, 'NULL') }],
      answer: `(SELECT ${partnerWire('r', code)} FROM written r)`,
    };
  });
  if (text === undefined) throw new Error('a partner was not written');
  return text;
}

/**
 * Changes a partner as it was read. Another referral code becomes the default one; those before stay valid, since links
 * with them are out in the world.
 * @returns its JSON text; undefined when it had moved on
 */
export async function updatePartner(
  deps: CommandDeps,
  context: CommandContext,
  { before, after }: { readonly before: Partner; readonly after: Partner },
): Promise<Written> {
  const changes = changesBetween<Partner>(before, after, FIELDS);
  if (changes.length === 0) return UNCHANGED;
  return writeRecorded(deps, context, (parameters, c) => {
    const code = parameters.add(after.referralCode, 'text');
    const changed = parameters.add(namesOf(changes), 'jsonb');
    const written = `written AS (
      UPDATE partners p SET name = ${parameters.add(after.name, 'text')}, email = ${parameters.add(after.email, 'text')},
        external_id = ${parameters.add(after.externalId, 'text')}, tier = ${parameters.add(after.tier, 'text')},
        status = ${parameters.add(after.status, 'text')}, payment_hold = ${parameters.add(after.paymentHold, 'boolean')},
        version = p.version + 1, updated_at = ${c.now}
      WHERE p.program_id = ${c.programId} AND p.id = ${parameters.add(before.id, 'uuid')}
        AND p.version = ${parameters.add(before.version, 'int')} RETURNING p.*)`;
    const recoded = changes.some(({ field }) => field === 'referralCode')
      ? changeOfDefault(c.programId, code, { id: parameters.add(newId(), 'uuid'), now: c.now })
      : [];
    return {
      ctes: [written, ...recoded],
      entityType: 'partner',
      entityId: 'r.id::text',
      action: 'updated',
      changes: parameters.add(changes, 'jsonb'),
      events: [
        { type: 'partner.updated' as const, subject: SUBJECT, data: eventData(code, changed) },
        ...tierEvents(changes, (value) => parameters.add(value, 'text')),
      ],
      answer: `(SELECT ${partnerWire('r', code)} FROM written r)`,
      requires:
        recoded.length === 0 ? {} : { code_holds: requireRows('promoted', '(SELECT count(*) FROM written)') },
    };
  });
}

/** A referral code as it is stored, and whose it is. */
interface OwnedCode {
  readonly code: string;
  readonly partnerId: string;
}

const OWNED = 'SELECT code, partner_id FROM referral_codes WHERE program_id = $1 AND lower(code) = lower($2)';

/** A code in any spelling; undefined when it is free. */
export async function findCode(
  db: Pick<Database, 'query'>,
  programId: string,
  code: string,
): Promise<OwnedCode | undefined> {
  const [row] = await db.query<OwnedCode>(OWNED, [programId, code]);
  return row;
}

function tierEvents(changes: readonly FieldChange[], add: (value: string) => string) {
  const tier = changes.find(({ field }) => field === 'tier');
  if (tier === undefined) return [];
  const data = `jsonb_build_object('partnerId', r.id, 'previousTier', ${add(String(tier.oldValue))}, 'tier', r.tier)`;
  return [{ type: 'partner.tier_changed' as const, subject: SUBJECT, data }];
}

/** The old default steps back before the new one is written: at most one row may be it at any moment. */
function changeOfDefault(
  programId: string,
  code: string,
  add: { readonly id: string; readonly now: string },
): string[] {
  return [
    `demoted AS (
    UPDATE referral_codes rc SET is_default = FALSE FROM written r
    WHERE rc.program_id = ${programId} AND rc.partner_id = r.id AND rc.is_default RETURNING rc.id)`,
    `promoted AS (
    INSERT INTO referral_codes AS rc (id, program_id, code, partner_id, is_default, created_at)
    SELECT ${add.id}, ${programId}, ${code}, r.id, TRUE, ${add.now} FROM written r
    WHERE (SELECT count(*) FROM demoted) >= 0
    ON CONFLICT (program_id, lower(code)) DO UPDATE SET is_default = TRUE WHERE rc.partner_id = excluded.partner_id
    RETURNING rc.id)`,
  ];
}
