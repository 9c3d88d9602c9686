import { randomInt } from 'node:crypto';
import { instant, newId, requireRows, type CommandContext, type CommandDeps } from '@tributary/commissions';
import { timestamp } from '@tributary/http-kit';
import { CATALOG_STATUSES, type Database } from '@tributary/schema';
import { z } from 'zod';
import { writeRecorded } from '../changes/recorded-write.ts';
import { pageOf, type PageOf } from '../lists/page-of.ts';
import { storedCode } from './partner-schema.ts';

/** Without what is misread in print or over the telephone (0 O, 1 I L, U). */
const ALPHABET = '23456789ABCDEFGHJKMNPQRSTVWXYZ';
const GENERATED_LENGTH = 8;

/** A code of 39 bits: a collision in a programme of a million codes is one in half a million. */
export function generateReferralCode(): string {
  return Array.from({ length: GENERATED_LENGTH }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
}

export const referralCodeSchema = z.object({
  id: z.uuid(),
  code: z.string(),
  partnerId: z.uuid(),
  isDefault: z.boolean(),
  status: z.enum(CATALOG_STATUSES),
  createdAt: timestamp,
});

const codeWire = (
  rc: string,
): string => `json_build_object('id', ${rc}.id, 'code', ${rc}.code, 'partnerId', ${rc}.partner_id,
    'isDefault', ${rc}.is_default, 'status', ${rc}.status, 'createdAt', ${instant(`${rc}.created_at`)})`;

// Over the partner's row, so that a partner without codes and no partner are told apart.
const OWN_CODES = 'FROM referral_codes rc WHERE rc.program_id = p.program_id AND rc.partner_id = p.id';
const ORDER = 'ORDER BY rc.is_default DESC, rc.created_at, rc.id';
const CODES = `
  SELECT (SELECT coalesce(json_agg(${codeWire('rc')} ${ORDER}), '[]'::json)
    FROM (SELECT rc.* ${OWN_CODES} ${ORDER} LIMIT $3::int OFFSET $4::int) rc)::text AS rows,
    (SELECT count(*)::int ${OWN_CODES}) AS counted
  FROM partners p WHERE p.program_id = $1 AND p.id = $2`;

/** A page of a partner's codes, the default first; undefined where there is no such partner. */
export function listReferralCodes(
  db: Pick<Database, 'query'>,
  programId: string,
  asked: PageOf,
): Promise<string | undefined> {
  return pageOf(db, CODES, programId, asked);
}

/** Adds a code to a partner. @returns its JSON text; undefined where there is no such partner */
export function addReferralCode(
  deps: CommandDeps,
  context: CommandContext,
  { partnerId, code }: { readonly partnerId: string; readonly code: string },
): Promise<string | undefined> {
  return writeRecorded(deps, context, (parameters, c) => ({
    ctes: [
      `partner AS (
      UPDATE partners SET version = version + 1, updated_at = ${c.now}
      WHERE program_id = ${c.programId} AND id = ${parameters.add(partnerId, 'uuid')} RETURNING *)`,
      `coded AS (
      INSERT INTO referral_codes (id, program_id, code, partner_id, created_at)
      SELECT ${parameters.add(newId(), 'uuid')}, ${c.programId}, ${parameters.add(code, 'text')}, p.id, ${c.now}
      FROM partner p RETURNING *)`,
      'written AS (SELECT p.*, rc.code FROM partner p JOIN coded rc ON rc.partner_id = p.id)',
    ],
    entityType: 'partner',
    entityId: 'r.id::text',
    action: 'updated',
    changes: `jsonb_build_array(jsonb_build_object('field', 'referralCodes', 'oldValue', NULL, 'newValue', r.code))`,
    events: [
      {
        type: 'partner.updated',
        subject: `jsonb_build_object('partnerId', r.id)`,
        data: `jsonb_build_object('partnerId', r.id, 'name', r.name, 'tier', r.tier, 'status', r.status,
          'paymentHold', r.payment_hold, 'referralCode', ${storedCode('r')}, 'changed', jsonb_build_array('referralCodes'))`,
      },
    ],
    answer: `(SELECT ${codeWire('rc')} FROM coded rc)`,
    requires: { code_holds: requireRows('coded', '(SELECT count(*) FROM partner)') },
  }));
}
