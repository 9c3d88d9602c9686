import type { Database } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';

import { uniqueName } from '../unique.ts';
import { insertRow, type NewRow, type Row } from './insert-row.ts';

export type PartnerRow = Row<'partners'> & { referralCode: string };

/** A partner, bronze and active unless told otherwise, with a default referral code. */
export async function insertPartner(
  db: Database,
  {
    referralCode = uniqueName('REF'),
    ...values
  }: Partial<NewRow<'partners'>> & { referralCode?: string } = {},
): Promise<PartnerRow> {
  const handle = uniqueName('partner-');
  const partner = await insertRow(db, 'partners', {
    id: uuidv7(),
    name: `Partner ${handle}`,
    email: `${handle}@example.com`,
    ...values,
  });
  await insertReferralCode(db, partner.id, { code: referralCode, isDefault: true });
  return { ...partner, referralCode };
}

/** One more referral code of a partner. */
export async function insertReferralCode(
  db: Database,
  partnerId: string,
  values: Partial<NewRow<'referralCodes'>> = {},
): Promise<Row<'referralCodes'>> {
  return insertRow(db, 'referralCodes', { id: uuidv7(), code: uniqueName('REF'), ...values, partnerId });
}

/** A product at 100.00 USD. */
export async function insertProduct(
  db: Database,
  values: Partial<NewRow<'products'>> = {},
): Promise<Row<'products'>> {
  const sku = uniqueName('SKU-');
  return insertRow(db, 'products', {
    id: uuidv7(),
    sku,
    name: `Product ${sku}`,
    price: '100.00',
    currency: 'USD',
    ...values,
  });
}

type PolicyValues = Partial<NewRow<'commissionPolicies'>> & {
  /** What the first version says; default 10 % of everything. */
  terms?: Partial<NewRow<'commissionPolicyVersions'>>;
};

export type PolicyRow = Row<'commissionPolicies'> & { terms: Row<'commissionPolicyVersions'> };

/** An active policy with its first version, in force since 2020. */
export async function insertPolicy(
  db: Database,
  { terms, ...values }: PolicyValues = {},
): Promise<PolicyRow> {
  const code = uniqueName('policy-');
  const policy = await insertRow(db, 'commissionPolicies', {
    id: uuidv7(),
    code,
    name: `Policy ${code}`,
    ...values,
  });
  const version = await insertPolicyVersion(db, policy.id, { version: policy.currentVersion, ...terms });
  return { ...policy, terms: version };
}

/** One version of a policy's terms; 10 % of everything unless told otherwise. Does not touch `currentVersion`. */
export async function insertPolicyVersion(
  db: Database,
  policyId: string,
  terms: Partial<NewRow<'commissionPolicyVersions'>> & { version: number },
): Promise<Row<'commissionPolicyVersions'>> {
  const isPercentage = (terms.type ?? 'percentage') === 'percentage';
  return insertRow(db, 'commissionPolicyVersions', {
    type: 'percentage',
    ...(isPercentage ? { rate: '10' } : { currency: 'USD' }),
    effectiveFrom: new Date('2020-01-01T00:00:00Z'),
    ...terms,
    policyId,
  });
}
