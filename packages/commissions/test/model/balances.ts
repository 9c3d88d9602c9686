import { readBalance } from '@tributary/commissions';

import { dateOf, wire, type Programme } from './programme.ts';
import type { Currency, ModelCommission } from './state.ts';

/** By partner, what `readBalance` must answer. */
export type PartnerBalances = Record<string, object[]>;

const CURRENCIES: readonly Currency[] = ['KRW', 'USD'];

/** What each partner has, by the model. */
export function balancesOf({ state, partners }: Pick<Programme, 'state' | 'partners'>): PartnerBalances {
  const balances = partners.map((id, partner) => {
    const own = state.commissions.filter((commission) => commission.partner === partner);
    const held = CURRENCIES.map((currency) => own.filter((commission) => commission.currency === currency));
    return [id, held.filter((commissions) => commissions.length > 0).map(balanceOf)] as const;
  });
  return Object.fromEntries(balances);
}

function balanceOf(commissions: readonly ModelCommission[]): object {
  const currency = commissions[0]?.currency ?? 'USD';
  const sum = (matches: (commission: ModelCommission) => boolean): number => {
    const units = commissions.filter(matches).reduce((total, { amount }) => total + amount, 0n);
    return wire(units, currency);
  };
  const earned = (status: string) =>
    sum((commission) => commission.kind !== 'clawback' && commission.status === status);
  const taken = (status: string) =>
    sum((commission) => commission.kind === 'clawback' && commission.status === status);
  return {
    currency,
    pending: earned('pending'),
    confirmed: earned('confirmed'),
    paid: earned('paid'),
    clawbacksToNet: taken('confirmed'),
    clawbacksNetted: taken('paid'),
    payable: sum(({ status }) => status === 'confirmed'),
  };
}

/** Now, or at the end of a past day. */
export async function readBalances(
  { db, programId, partners }: Programme,
  day: number | undefined,
): Promise<PartnerBalances> {
  const asOf = day === undefined ? undefined : dateOf(day);
  const balances = await Promise.all(
    partners.map(
      async (id) => [id, JSON.parse(await readBalance(db, programId, { partnerId: id, asOf }))] as const,
    ),
  );
  return Object.fromEntries(balances);
}
