import type { FastifyInstance, RouteOptions } from 'fastify';
import { z } from 'zod';
import { takesKey } from './idempotency.ts';
import { findLooseObjects } from './strictness.ts';

/**
 * Refuses, while the app starts, a route that does not declare itself fully or lets unknown fields through; and closes
 * what a route leaves open: without a schema, no query and no body is accepted.
 */
export function checkDeclarations(app: FastifyInstance): void {
  const seen = new Set<string>();
  app.addHook('onRoute', (route) => {
    if (route.config?.internal === true) return;
    const faults = [...declarationFaults(route, seen), ...schemaFaults(route)];
    if (faults.length > 0)
      throw new Error(`route ${String(route.method)} ${route.url}: ${faults.join('; ')}`);
    closeOpenParts(route);
  });
}

function declarationFaults({ config }: RouteOptions, seen: Set<string>): string[] {
  const faults: string[] = [];
  if (config?.operationId === undefined) faults.push('config.operationId is missing');
  else if (seen.has(config.operationId)) faults.push(`operationId ${config.operationId} is taken`);
  else seen.add(config.operationId);
  if (config?.summary === undefined) faults.push('config.summary is missing');
  if (config?.scope === undefined) faults.push('config.scope is missing');
  return faults;
}

function schemaFaults({ schema, url }: RouteOptions): string[] {
  const faults: string[] = [];
  for (const part of ['body', 'querystring'] as const) {
    const declared = schema?.[part];
    if (declared === undefined) continue;
    if (!(declared instanceof z.ZodType)) faults.push(`schema.${part} is no zod schema`);
    else
      faults.push(...findLooseObjects(declared).map((at) => `schema.${part} takes unknown fields at ${at}`));
  }
  if (url.includes(':') && !(schema?.params instanceof z.ZodType)) faults.push('schema.params is missing');
  if (schema?.response === undefined) faults.push('schema.response is missing');
  return faults;
}

const nothing = z.strictObject({});

/** The body of a route that declares none: absent, or `{}`. */
export const NO_BODY = nothing.nullish();

function closeOpenParts(route: RouteOptions): void {
  const { querystring = nothing, ...schema } = route.schema ?? {};
  route.schema = { ...schema, querystring };
  if (takesKey(String(route.method))) route.schema.body ??= NO_BODY;
}
