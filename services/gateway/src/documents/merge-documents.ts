import { publicPath, type ServiceDocument } from '../routing/service-document.ts';

type Json = Record<string, unknown>;

const INFO = {
  title: 'Tributary',
  version: '1',
  description:
    'Partner programme operations: clicks, conversions, commissions, payouts, webhooks and dashboards. ' +
    'Every path asks for `Authorization: Bearer` with an access token or an API key unless it says otherwise.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

/** `#/components/schemas/X` of one service becomes `X` where all agree on it, else `service.X`. */
function renameReferences(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => renameReferences(item, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key !== '$ref' || typeof item !== 'string') return [key, renameReferences(item, names)];
      const name = /^#\/components\/schemas\/(.+)$/.exec(item)?.[1];
      return [key, name === undefined ? item : `#/components/schemas/${names.get(name) ?? name}`];
    }),
  );
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Adds a service's schemas to the merged ones; answers under which name each stands there. */
function mergeSchemas(service: string, own: Json, merged: Json): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, schema] of Object.entries(own)) {
    const isTaken = name in merged && !isSame(merged[name], schema);
    names.set(name, isTaken ? `${service}.${name}` : name);
  }
  for (const [name, schema] of Object.entries(own)) {
    merged[names.get(name) ?? name] = renameReferences(schema, names);
  }
  return names;
}

/** One OpenAPI 3.1 document for all services, with the paths as the outside sees them. */
export function mergeDocuments(documents: ReadonlyMap<string, ServiceDocument>): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  const problemCodes: Json = {};
  const examples: Json = {};
  for (const [service, document] of [...documents].toSorted(([a], [b]) => a.localeCompare(b))) {
    const names = mergeSchemas(service, document.components?.schemas ?? {}, schemas);
    for (const [path, item] of Object.entries(document.paths)) {
      const operations = renameReferences(item, names) as Json;
      paths[publicPath(path)] = { ...paths[publicPath(path)], ...operations };
    }
    // A code means the same whichever service answers it, and so does its example.
    Object.assign(examples, document.components?.['examples']);
    Object.assign(problemCodes, document['x-problem-codes']);
  }
  return {
    openapi: '3.1.0',
    info: INFO,
    servers: [{ url: '/' }],
    paths: Object.fromEntries(Object.entries(paths).toSorted(([a], [b]) => a.localeCompare(b))),
    components: {
      schemas,
      examples,
      securitySchemes: {
        bearerAuth: {
          type: 'http',
          scheme: 'bearer',
          description: 'An access token from `POST /api/v1/auth/login`, or an API key (`tb_live_...`)',
        },
      },
    },
    'x-problem-codes': Object.fromEntries(
      Object.entries(problemCodes).toSorted(([a], [b]) => a.localeCompare(b)),
    ),
  };
}
