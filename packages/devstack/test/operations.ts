import { z } from 'zod';

/** A route as the platform itself declares it. */
export interface Operation {
  /** `GET /api/v1/users/{id}` */
  readonly name: string;
  readonly method: string;
  /** Below `/api/v1`, or from the root where a route stands there. */
  readonly path: string;
  readonly scope: string | undefined;
  /** Partners may call it, for what is theirs. */
  readonly isOwn: boolean;
  /** The path with this in place of every parameter, as `api-client` takes it. */
  at(id: string): string;
}

const API_PREFIX = '/api/v1';

const documentSchema = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({ 'x-required-scope': z.string().optional(), 'x-partner-access': z.string().optional() }),
    ),
  ),
});

/** The merged OpenAPI document, which the gateway routes by: what is not in it cannot be called. */
export async function operationsOf({ gatewayUrl }: { readonly gatewayUrl: string }): Promise<Operation[]> {
  const document: unknown = await (await fetch(`${gatewayUrl}/openapi.json`)).json();
  const { paths } = documentSchema.parse(document);
  return Object.entries(paths).flatMap(([fullPath, item]) => {
    // `..` leads from the prefix, which the client puts before every path, to the root.
    const path = fullPath.startsWith(API_PREFIX) ? fullPath.slice(API_PREFIX.length) : `/../..${fullPath}`;
    return Object.entries(item).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${fullPath}`,
      method: method.toUpperCase(),
      path,
      scope: operation['x-required-scope'],
      isOwn: operation['x-partner-access'] === 'own',
      at: (id: string) => path.replaceAll(/\{[^}]+\}/g, id),
    }));
  });
}
