import { commissionWire, instant } from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import { sentenceOf, withReason, type AuditFacts } from '../audit/sentence.ts';

/** What stands in `metadata.decision`, as far as sentences are made of it. */
interface Decision {
  readonly summary?: string;
  readonly considered?: readonly {
    readonly code: string;
    readonly version: number;
    readonly outcome: string;
    readonly reasons: readonly string[];
  }[];
  readonly arithmetic?: readonly { readonly sentence?: string }[];
}

interface Attribution {
  readonly model: string;
  readonly weight: number;
  readonly isPrimary: boolean;
  readonly path: readonly {
    readonly clickId: string;
    readonly partnerId: string;
    readonly clickedAt: string;
    readonly weight: string;
  }[];
  readonly clickId: string | null;
  readonly referralCode: string | null;
}

interface Facts {
  readonly commission: Readonly<Record<string, unknown>> & {
    readonly kind: string;
    readonly partnerId: string;
    readonly commissionAmount: number;
    readonly originalCommissionId: string | null;
    readonly currency: string;
  };
  readonly partnerName: string;
  readonly decision: Decision | null;
  readonly attribution: Attribution | null;
  readonly changes: readonly Change[];
}

/** A change of the commission, or a claw-back of it, which is recorded of the commission that it made. */
interface Change extends AuditFacts {
  readonly commissionId: string;
  /** What a claw-back took; null for a change of the commission itself. */
  readonly clawedBack: number | null;
  readonly at: string;
}

// The audit rows of each commission are looked for by its id (OFFSET): joined, they might be read whole.
const EXPLAINED = `
  SELECT json_build_object('commission', ${commissionWire('c')}, 'partnerName', p.name, 'decision', c.metadata -> 'decision',
    'attribution', CASE WHEN v.id IS NOT NULL THEN json_build_object('model', v.attribution_model, 'weight', v.attribution_weight,
      'isPrimary', v.is_primary, 'path', v.attribution_path, 'clickId', v.click_id, 'referralCode', v.referral_code) END,
    'changes', (SELECT coalesce(json_agg(json_build_object('commissionId', x.id, 'clawedBack', x.taken,
        'entityType', a.entity_type, 'action', a.action, 'actor', a.actor, 'changes', a.changes, 'reason', a.reason,
        'at', ${instant('a.created_at')}) ORDER BY a.created_at, a.id), '[]'::json)
      FROM (SELECT $2::uuid AS id, NULL::numeric AS taken UNION ALL
        SELECT k.id, -k.commission_amount FROM commissions k WHERE k.program_id = $1 AND k.original_commission_id = $2::uuid) x
      CROSS JOIN LATERAL (SELECT * FROM audit_logs l WHERE l.program_id = $1 AND l.entity_type = 'commission'
        AND l.entity_id = x.id::text AND (x.taken IS NULL OR l.action = 'clawed_back') OFFSET 0) a)) AS facts
  FROM commissions c
  JOIN partners p ON p.program_id = c.program_id AND p.id = c.partner_id
  LEFT JOIN conversion_events v ON v.program_id = c.program_id AND v.id = c.conversion_id
  WHERE c.program_id = $1 AND c.id = $2::uuid`;

/** Why a commission is what it is, as data and in sentences that need no data. */
export interface Explanation extends Omit<Facts, 'partnerName'> {
  readonly sentences: {
    readonly partner: string;
    readonly policy: string[];
    readonly amount: string[];
    readonly changes: string[];
  };
}

export async function explainCommission(
  db: Pick<Database, 'query'>,
  programId: string,
  id: string,
): Promise<Explanation | undefined> {
  const [row] = await db.query<{ facts: Facts }>(EXPLAINED, [programId, id]);
  if (row === undefined) return undefined;
  const { partnerName: _named, ...facts } = row.facts;
  return {
    ...facts,
    sentences: {
      partner: whyPartner(row.facts),
      policy: whyPolicy(facts.decision),
      amount: whyAmount(row.facts),
      changes: facts.changes.map(
        (change) => `${change.at}: ${whatChanged(change, facts.commission.currency)}`,
      ),
    },
  };
}

function whatChanged(change: Change, currency: string): string {
  const { clawedBack, commissionId, actor, reason } = change;
  if (clawedBack === null) return sentenceOf(change);
  return withReason(`${actor} clawed back ${clawedBack} ${currency}, as commission ${commissionId}.`, reason);
}

function whyPartner({ partnerName, attribution, commission }: Facts): string {
  if (attribution === null)
    return `${partnerName} was named by whoever created this ${commission.kind} by hand.`;
  const { model, weight, path, clickId, referralCode } = attribution;
  const share = percentOf(weight);
  if (clickId === null && referralCode !== null) {
    return `${partnerName} is credited with ${share}, because the order named its referral code ${referralCode}.`;
  }
  const touches = path.length === 1 ? '1 click' : `${path.length} clicks`;
  const own = path
    .filter(({ partnerId }) => partnerId === commission.partnerId)
    .map((touch) => `${percentOf(touch.weight)} for the click of ${touch.clickedAt}`);
  const parts = own.length === 0 ? '' : `: ${own.join(', ')}`;
  return `${partnerName} is credited with ${share} by the model ${model}, over ${touches} before the order${parts}.`;
}

const percentOf = (weight: string | number): string => `${Number((Number(weight) * 100).toFixed(4))} %`;

function whyPolicy(decision: Decision | null): string[] {
  return (decision?.considered ?? []).map(({ code, version, outcome, reasons }) => {
    const why = reasons.length === 0 ? '' : `: ${reasons.join('; ')}`;
    return `${code} (version ${version}) ${outcome.replaceAll('_', ' ')}${why}.`;
  });
}

function whyAmount({ decision, commission }: Facts): string[] {
  const steps = (decision?.arithmetic ?? []).flatMap(({ sentence }) =>
    sentence === undefined ? [] : [sentence],
  );
  const { kind, commissionAmount, originalCommissionId, currency } = commission;
  if (kind === 'clawback')
    return [`It takes back ${-commissionAmount} ${currency} of commission ${originalCommissionId}.`];
  const now = `It is ${commissionAmount} ${currency} now.`;
  return [...(decision?.summary === undefined ? [] : [decision.summary]), ...steps, now];
}
