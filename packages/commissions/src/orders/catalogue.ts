import type { CatalogStatus, Database, PartnerStatus } from '@tributary/schema';

import type { PolicySource } from '../conversions/price.ts';

/** A referral code as it was registered, with whose it is. */
export interface KnownCode {
  readonly code: string;
  readonly status: CatalogStatus;
  readonly partnerId: string;
  readonly partnerStatus: PartnerStatus;
}

export interface KnownProduct {
  readonly id: string;
  readonly sku: string;
}

/** What orders ask of the catalogue; whoever asks often keeps the answers. */
export interface OrderCatalogue {
  findCode(programId: string, code: string): Promise<KnownCode | undefined>;
  findProductById(programId: string, id: string): Promise<KnownProduct | undefined>;
  findProductBySku(programId: string, sku: string): Promise<KnownProduct | undefined>;
  readonly policies: PolicySource;
}

type Queries = Pick<Database, 'query'>;

const CODE = `
  SELECT r.code, r.status, r.partner_id, p.status AS partner_status
  FROM referral_codes r JOIN partners p ON p.program_id = r.program_id AND p.id = r.partner_id
  WHERE r.program_id = $1 AND lower(r.code) = lower($2)`;
const PRODUCT_BY_ID = 'SELECT id, sku FROM products WHERE program_id = $1 AND id = $2';
const PRODUCT_BY_SKU = 'SELECT id, sku FROM products WHERE program_id = $1 AND sku = $2';

export async function findCode(db: Queries, programId: string, code: string): Promise<KnownCode | undefined> {
  return (await db.query<KnownCode>(CODE, [programId, code]))[0];
}

export async function findProductById(
  db: Queries,
  programId: string,
  id: string,
): Promise<KnownProduct | undefined> {
  return (await db.query<KnownProduct>(PRODUCT_BY_ID, [programId, id]))[0];
}

export async function findProductBySku(
  db: Queries,
  programId: string,
  sku: string,
): Promise<KnownProduct | undefined> {
  return (await db.query<KnownProduct>(PRODUCT_BY_SKU, [programId, sku]))[0];
}
