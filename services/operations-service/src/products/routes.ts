import { Parameters } from '@tributary/commissions';
import {
  AppError,
  commonErrors,
  idParams,
  list,
  moneyFaults,
  pageQuery,
  requestContext,
  sendJsonText,
  success,
  validationError,
  type FieldError,
  type ServiceApp,
} from '@tributary/http-kit';
import { CATALOG_STATUSES } from '@tributary/schema';
import { z } from 'zod';
import { applyChange } from '../changes/apply-change.ts';
import { namedFields } from '../changes/named-fields.ts';
import { namingRules, type Refused } from '../changes/naming-rules.ts';
import { namingTaken } from '../changes/taken.ts';
import { sendRecord } from '../changes/versioned-answer.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { listPage } from '../lists/list-page.ts';
import type { ListSource } from '../lists/list-source.ts';
import {
  newProductBody,
  productFields,
  productPatch,
  productSchema,
  productWire,
  type Product,
} from './product-schema.ts';
import { createProduct, findProduct, updateProduct } from './product-store.ts';

const PRODUCT_LIST = {
  from: 'products d',
  alias: 'd',
  wire: productWire('d'),
  sorts: { createdAt: { expression: 'd.created_at', type: 'timestamptz' } },
} as const satisfies ListSource<string>;

const productQuery = z.strictObject({
  ...pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' }),
  sku: z.string().max(100).optional(),
  category: z.string().max(200).optional(),
  supplierId: z.string().max(200).optional(),
  status: z.enum(CATALOG_STATUSES).optional(),
});

const TAKEN = { products_sku_key: [errors.PRODUCT_SKU_TAKEN, 'Another product has this SKU'] } as const;

export function registerProducts(app: ServiceApp, deps: OperationsDeps): void {
  registerReads(app, deps);
  registerWrites(app, deps);
}

function registerReads(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/products',
    schema: { querystring: productQuery, response: { 200: list(productSchema) } },
    config: { operationId: 'listProducts', summary: 'List products', scope: 'catalog:read' },
    async handler(request, reply) {
      const { page, limit, sort, cursor, count, ...filter } = request.query;
      const { sku, category, supplierId, status } = filter;
      const parameters = new Parameters();
      const conditions = [`d.program_id = ${parameters.add(request.identity.programId, 'text')}`];
      if (sku !== undefined) conditions.push(`d.sku = ${parameters.add(sku, 'text')}`);
      if (category !== undefined) conditions.push(`d.category = ${parameters.add(category, 'text')}`);
      if (supplierId !== undefined) conditions.push(`d.supplier_id = ${parameters.add(supplierId, 'text')}`);
      if (status !== undefined) conditions.push(`d.status = '${status}'`);
      const query = { page, limit, sort, cursor, count };
      return sendJsonText(
        reply,
        await listPage(deps.reads, PRODUCT_LIST, { query, conditions, parameters, filter }),
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/products/:id',
    schema: { params: idParams, response: { 200: success(productSchema) } },
    config: {
      operationId: 'getProduct',
      summary: 'Get a product',
      scope: 'catalog:read',
      errors: [errors.PRODUCT_NOT_FOUND],
    },
    async handler(request, reply) {
      return sendRecord(reply, await getProduct(deps, request.identity.programId, request.params.id));
    },
  });
}

function registerWrites(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/products',
    schema: { body: newProductBody, response: { 201: success(productSchema) } },
    config: {
      operationId: 'createProduct',
      summary: 'Add a product',
      scope: 'catalog:write',
      errors: [errors.PRODUCT_SKU_TAKEN],
    },
    errorHandler: namingRules(productFields, async (given) => faultsOfPrice(given)),
    async handler(request, reply) {
      assertPrice(request.body);
      const context = requestContext(request, deps.clock());
      const text = await namingTaken(createProduct(deps, context, request.body), TAKEN);
      reply.code(201);
      return sendRecord(reply, text);
    },
  });

  app.route({
    method: 'PATCH',
    url: '/products/:id',
    schema: { params: idParams, body: productPatch, response: { 200: success(productSchema) } },
    config: {
      operationId: 'updateProduct',
      summary: 'Change a product',
      scope: 'catalog:write',
      errors: [errors.PRODUCT_NOT_FOUND, errors.PRODUCT_SKU_TAKEN, commonErrors.VERSION_MISMATCH],
    },
    errorHandler: namingRules(productFields, (given, refused) => faultsOfRefusedChange(deps, given, refused)),
    async handler(request, reply) {
      const context = requestContext(request, deps.clock());
      const text = await applyChange<Product>(deps.db, request, {
        read: async () => JSON.parse(await getProduct(deps, context.programId, request.params.id)) as Product,
        write: (before) => {
          const after = { ...before, ...namedFields(request.body) };
          assertPrice(after);
          return namingTaken(updateProduct(deps, context, { before, after }), TAKEN);
        },
      });
      return sendRecord(reply, text);
    },
  });
}

interface Price {
  readonly currency?: string | undefined;
  readonly price?: number | undefined;
}

const faultsOfPrice = ({ currency, price }: Price): FieldError[] =>
  currency === undefined ? [] : moneyFaults(currency, { price });

/** What a refused change would make of the price, as far as price and currency are right. */
async function faultsOfRefusedChange(
  deps: OperationsDeps,
  given: z.output<typeof productFields>,
  { request, wrong }: Refused,
): Promise<FieldError[]> {
  const { id } = idParams.parse(request.params);
  const text = await findProduct(deps.db, request.identity.programId, id);
  if (text === undefined || wrong.has('currency') || wrong.has('price')) return [];
  return faultsOfPrice({ ...(JSON.parse(text) as Product), ...namedFields(given) });
}

function assertPrice(priced: Price): void {
  const faults = faultsOfPrice(priced);
  if (faults.length > 0) throw validationError(faults);
}

async function getProduct(deps: OperationsDeps, programId: string, id: string): Promise<string> {
  const text = await findProduct(deps.db, programId, id);
  if (text === undefined) throw new AppError(errors.PRODUCT_NOT_FOUND, `There is no product ${id}`);
  return text;
}
