import { instant } from '@tributary/commissions';
import { currencyCode, money, moneyAnswer, timestamp } from '@tributary/http-kit';
import { CATALOG_STATUSES } from '@tributary/schema';
import { z } from 'zod';

export const tag = z.string().trim().min(1).max(100);

const fields = {
  sku: z.string().trim().min(1).max(100),
  name: z.string().trim().min(1).max(300),
  category: z.string().trim().min(1).max(200).nullable(),
  tags: z.array(tag).max(100),
  supplierId: z.string().trim().min(1).max(200).nullable(),
  price: money,
  currency: currencyCode,
  status: z.enum(CATALOG_STATUSES),
};

/** Every field of a product, each optional. */
export const productFields = z.strictObject(fields).partial();

export const newProductBody = z.strictObject({
  ...fields,
  category: fields.category.default(null),
  tags: fields.tags.default([]),
  supplierId: fields.supplierId.default(null),
  status: fields.status.default('active'),
});

export const productPatch = productFields.refine(
  (given) => Object.keys(given).length > 0,
  'name at least one field to change',
);

/** A product on the wire. */
export const productSchema = z.object({
  id: z.uuid(),
  sku: z.string(),
  name: z.string(),
  category: z.string().nullable(),
  tags: z.array(z.string()),
  supplierId: z.string().nullable(),
  price: moneyAnswer,
  currency: z.string(),
  status: z.enum(CATALOG_STATUSES),
  version: z.int(),
  createdAt: timestamp,
  updatedAt: timestamp,
});

export interface Product extends Omit<z.output<typeof productSchema>, 'createdAt' | 'updatedAt'> {
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A product on the wire, from the row `d`. */
export const productWire = (
  d: string,
): string => `json_build_object('id', ${d}.id, 'sku', ${d}.sku, 'name', ${d}.name,
    'category', ${d}.category, 'tags', ${d}.tags, 'supplierId', ${d}.supplier_id, 'price', ${d}.price,
    'currency', ${d}.currency, 'status', ${d}.status, 'version', ${d}.version,
    'createdAt', ${instant(`${d}.created_at`)}, 'updatedAt', ${instant(`${d}.updated_at`)})`;
