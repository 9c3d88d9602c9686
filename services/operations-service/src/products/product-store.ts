import { newId, type CommandContext, type CommandDeps, type Parameters } from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import type { z } from 'zod';
import { UNCHANGED, type Written } from '../changes/apply-change.ts';
import { changesBetween } from '../changes/field-changes.ts';
import { namesOf, writeRecorded } from '../changes/recorded-write.ts';
import { productWire, type newProductBody, type Product } from './product-schema.ts';

type ProductFields = z.output<typeof newProductBody>;

const FIELDS = ['sku', 'name', 'category', 'tags', 'supplierId', 'price', 'currency', 'status'] as const;

const FIND = `SELECT ${productWire('d')}::text AS product FROM products d WHERE d.program_id = $1 AND d.id = $2`;

export async function findProduct(
  db: Pick<Database, 'query'>,
  programId: string,
  id: string,
): Promise<string | undefined> {
  const [row] = await db.query<{ product: string }>(FIND, [programId, id]);
  return row?.product;
}

const SUBJECT = `jsonb_build_object('productId', r.id)`;

const eventData = (
  changed: string,
): string => `jsonb_build_object('productId', r.id, 'sku', r.sku, 'name', r.name,
    'category', r.category, 'price', r.price, 'currency', r.currency, 'status', r.status, 'changed', ${changed})`;

const ANSWER = `(SELECT ${productWire('r')} FROM written r)`;

/** The values of a product's columns, in the order of `FIELDS`. */
function valuesOf(parameters: Parameters, product: ProductFields): string {
  return [
    parameters.add(product.sku, 'text'),
    parameters.add(product.name, 'text'),
    parameters.add(product.category, 'text'),
    parameters.add(product.tags, 'text[]'),
    parameters.add(product.supplierId, 'text'),
    parameters.add(product.price, 'numeric'),
    parameters.add(product.currency, 'text'),
    parameters.add(product.status, 'text'),
  ].join(', ');
}

/** @returns the JSON text of the product */
export async function createProduct(
  deps: CommandDeps,
  context: CommandContext,
  product: ProductFields,
): Promise<string> {
  const text = await writeRecorded(deps, context, (parameters, c) => ({
    ctes: [
      `written AS (
      INSERT INTO products (id, program_id, created_at, updated_at, sku, name, category, tags, supplier_id, price, currency, status)
      VALUES (${parameters.add(newId(), 'uuid')}, ${c.programId}, ${c.now}, ${c.now}, ${valuesOf(parameters, product)}) RETURNING *)`,
    ],
    entityType: 'product',
    entityId: 'r.id::text',
    action: 'created',
    changes: parameters.add(changesBetween<ProductFields>({}, product, FIELDS), 'jsonb'),
    events: [{ type: 'product.created', subject: SUBJECT, data: eventData('NULL') }],
    answer: ANSWER,
  }));
  if (text === undefined) throw new Error('a product was not written');
  return text;
}

/** Changes a product as it was read. @returns its JSON text; undefined when it had moved on */
export async function updateProduct(
  deps: CommandDeps,
  context: CommandContext,
  { before, after }: { readonly before: Product; readonly after: Product },
): Promise<Written> {
  const changes = changesBetween<Product>(before, after, FIELDS);
  if (changes.length === 0) return UNCHANGED;
  return writeRecorded(deps, context, (parameters, c) => ({
    ctes: [
      `written AS (
      UPDATE products d SET (sku, name, category, tags, supplier_id, price, currency, status) = ROW(${valuesOf(parameters, after)}),
        version = d.version + 1, updated_at = ${c.now}
      WHERE d.program_id = ${c.programId} AND d.id = ${parameters.add(before.id, 'uuid')}
        AND d.version = ${parameters.add(before.version, 'int')} RETURNING d.*)`,
    ],
    entityType: 'product',
    entityId: 'r.id::text',
    action: 'updated',
    changes: parameters.add(changes, 'jsonb'),
    events: [
      {
        type: 'product.updated',
        subject: SUBJECT,
        data: eventData(parameters.add(namesOf(changes), 'jsonb')),
      },
    ],
    answer: ANSWER,
  }));
}
