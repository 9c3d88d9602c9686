import { z } from 'zod';

/** The part of a service's OpenAPI document that the gateway understands; the rest is passed on as it is. */
export const operationSchema = z.looseObject({
  operationId: z.string().optional(),
  'x-required-scope': z.string().optional(),
  'x-rate-class': z.enum(['caller', 'public', 'login', 'none']).optional(),
  requestBody: z.looseObject({ content: z.record(z.string(), z.unknown()) }).optional(),
  parameters: z.array(z.looseObject({ in: z.string().optional(), name: z.string().optional() })).optional(),
});

export const serviceDocumentSchema = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()).optional() }).optional(),
  tags: z.array(z.unknown()).optional(),
});

/** What `/internal/openapi.json` of a service answers. */
export type ServiceDocument = z.output<typeof serviceDocumentSchema>;

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'options', 'head'] as const;

export interface DocumentedOperation {
  readonly method: string;
  /** As the service declares it, without the public prefix: `/operations/commissions/{id}`. */
  readonly path: string;
  readonly operation: z.output<typeof operationSchema>;
}

/** Lists the operations of a document. */
export function listOperations(document: ServiceDocument): DocumentedOperation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = operationSchema.safeParse(item[method]);
      return operation.success ? [{ method: method.toUpperCase(), path, operation: operation.data }] : [];
    }),
  );
}

/** Tracking links are short on purpose and stand at the root. */
const ROOT_PATHS = /^\/r\//;
export const API_PREFIX = '/api/v1';

/** Whether a path is a tracking link's. */
export function isTrackingLink(path: string): boolean {
  return ROOT_PATHS.test(path);
}

/** Where the outside finds a path of a service. */
export function publicPath(servicePath: string): string {
  return isTrackingLink(servicePath) ? servicePath : API_PREFIX + servicePath;
}

/** The path (with its query) that a service expects for one that the outside asked for. */
export function servicePath(publicUrl: string): string {
  return publicUrl.startsWith(`${API_PREFIX}/`) ? publicUrl.slice(API_PREFIX.length) : publicUrl;
}
