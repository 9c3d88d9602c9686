import { randomUUID } from 'node:crypto';

/** As much of a JSON schema as the API's own document uses. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path' | 'header';
  readonly schema: JsonSchema;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: { readonly 'application/json'?: { readonly schema: JsonSchema } };
  };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

/** The API's document, as far as requests and answers go. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** One documented operation. */
export interface Route {
  readonly method: string;
  /** With placeholders filled by valid values that name nothing. */
  readonly path: string;
  readonly pathParameters: readonly Parameter[];
  readonly query: readonly Parameter[];
  readonly headers: readonly Parameter[];
  /** The shapes that a body may have; none where none is taken. */
  readonly bodies: readonly JsonSchema[];
  readonly mayBeEmpty: boolean;
  readonly template: string;
}

const IN_PATH = /\{(\w+)\}/g;

/** Every operation of the document. */
export function routesOf(document: ApiDocument): Route[] {
  return Object.entries(document.paths).flatMap(([template, operations]) =>
    Object.entries(operations).map(([method, { parameters = [], requestBody }]) => {
      const pathParameters = parameters.filter((parameter) => parameter.in === 'path');
      const valueOf = (name: string): string =>
        String(validValue(pathParameters.find((parameter) => parameter.name === name)?.schema ?? {}));
      const schema = requestBody?.content['application/json']?.schema;
      return {
        method: method.toUpperCase(),
        template,
        path: template.replaceAll(IN_PATH, (_whole, name: string) => encodeURIComponent(valueOf(name))),
        pathParameters,
        query: parameters.filter((parameter) => parameter.in === 'query'),
        headers: parameters.filter((parameter) => parameter.in === 'header'),
        bodies:
          schema === undefined ? [] : shapesOf(schema).filter(({ properties }) => properties !== undefined),
        mayBeEmpty: schema !== undefined && typesOf(schema).includes('null'),
      };
    }),
  );
}

const shapesOf = (schema: JsonSchema): readonly JsonSchema[] => schema.anyOf ?? schema.oneOf ?? [schema];

/** The only value there is, by which one shape is told from another. */
export function fixedValue(schema: JsonSchema | undefined): unknown {
  if (schema?.const !== undefined) return schema.const;
  return schema?.enum?.length === 1 ? schema.enum[0] : undefined;
}

const isDate = ({ format }: JsonSchema): boolean => format === 'date-time' || format === 'date';

function validText(schema: JsonSchema): string {
  if (schema.format === 'uuid') return randomUUID();
  if (isDate(schema)) return new Date().toISOString();
  if (schema.format === 'uri') return 'https://example.com/';
  if (schema.format === 'email') return `${randomUUID()}@example.com`;
  return 'x'.repeat(Math.max(schema.minLength ?? 0, 6));
}

/** A value that a schema allows, as far as that can be told from it. */
function validValue(schema: JsonSchema): unknown {
  const [example] = schema.examples ?? schema.enum ?? [];
  if (example !== undefined) return example;
  if (schema.const !== undefined) return schema.const;
  const [choice] = schema.anyOf ?? schema.oneOf ?? [];
  if (choice !== undefined) return validValue(choice);
  const [type = 'null'] = typesOf(schema);
  switch (type) {
    case 'string':
      return validText(schema);
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, 1);
    case 'boolean':
      return true;
    case 'array':
      return [validValue(schema.items ?? {})];
    case 'object':
      return validObject(schema);
    default:
      return null;
  }
}

/** With what is required and nothing else. */
export function validObject({ properties = {}, required = [] }: JsonSchema): Record<string, unknown> {
  return Object.fromEntries(required.map((name) => [name, validValue(properties[name] ?? {})]));
}

/** The types that a value may have. */
export function typesOf(schema: JsonSchema): string[] {
  const own = schema.type === undefined ? [] : [schema.type].flat();
  const values = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  const ofValues = own.length === 0 ? values.map((value) => (value === null ? 'null' : typeof value)) : [];
  return [...own, ...ofValues, ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap(typesOf)];
}

const WRONG = [
  { type: 'object', value: { wrong: true } },
  { type: 'string', value: 'wrong!' },
  { type: 'boolean', value: true },
] as const;

/** A value of a type that the schema does not allow; undefined where it allows everything, or decides about the rest. */
export function wrongValue(schema: JsonSchema): unknown {
  if (fixedValue(schema) !== undefined) return undefined;
  const types = typesOf(schema);
  if (types.length === 0) return undefined;
  return WRONG.find(({ type }) => !types.includes(type))?.value;
}

/** A text that a query parameter does not allow; undefined where it takes any text. */
export function wrongText(schema: JsonSchema): string | undefined {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined)
    return choices.every((choice) => wrongText(choice) !== undefined) ? '~' : undefined;
  const types = typesOf(schema);
  const isFree =
    types.includes('string') && !('enum' in schema || 'const' in schema) && !schema.format && !schema.pattern;
  return types.length === 0 || isFree ? undefined : '~';
}

/** Values of the right type that are as bad as they come. */
export function hostileValues(schema: JsonSchema): unknown[] {
  const types = typesOf(schema);
  return [
    ...hostileScalars(schema),
    ...(types.includes('array')
      ? [[], Array.from({ length: 5_000 }, () => validValue(schema.items ?? {}))]
      : []),
    ...(types.includes('object') ? [{}, JSON.parse('{"__proto__":{"admin":true},"constructor":1}')] : []),
  ];
}

/** Those of them that a query can hold as well. */
export function hostileScalars(schema: JsonSchema): (string | number)[] {
  const types = typesOf(schema);
  const texts = [
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\uD800',
    "'; DROP TABLE partners; --",
    '%',
    '\\',
    '💥'.repeat(30_000),
    '../../etc/passwd',
  ];
  const numbers = [0, -1, 0.005, 1e-300, 1e300, 999_999_999_999.99, 2 ** 53, -0];
  return [
    ...(types.includes('string')
      ? [
          ...texts,
          ...(isDate(schema)
            ? ['0000-01-01T00:00:00Z', '+275760-09-13T00:00:00Z', '9999-12-31T23:59:59Z']
            : []),
        ]
      : []),
    ...(types.includes('number') || types.includes('integer') ? numbers : []),
  ];
}
