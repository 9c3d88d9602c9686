import { createHash } from 'node:crypto';
import { EXAMPLE_DATE, EXAMPLE_TIME, EXAMPLE_VALUES } from './example-values.ts';
import type { RouteDeclaration } from './route-config.ts';

/** The part of a JSON Schema that examples are made of. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly format?: string;
  readonly title?: string;
  readonly minimum?: number;
}

/** Where in an example a value stands. */
interface Place {
  /** What it belongs to: `partner` for the name of a partner. */
  readonly owner: string;
  readonly name: string;
  /** The end of the operation's path: `hold` for the reason why. */
  readonly ending: string;
  /** Of requests the least that is needed is shown, of answers all there is. */
  readonly isRequest: boolean;
}

/** Names that hold something without saying what it is. */
const ENVELOPES = new Set(['data', 'meta', 'results', 'items', 'history', 'attempts']);

/** The part of an operation that has examples. */
interface Operation {
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body>>;
}

interface Body {
  content?: Record<string, { readonly schema?: Schema }>;
}

/**
 * Shows what is sent and what each success answers: as the route's `config` says it, else made of the schemas and of
 * `EXAMPLE_VALUES`.
 */
export function addExamples(operation: Operation, path: string, config: RouteDeclaration = {}): void {
  const { requestBody, responses } = operation;
  const { bodyExamples, textExamples = {} } = config;
  const show = (body: Body, place: Place, given?: readonly unknown[]): void => {
    const shown = Object.entries(body.content ?? {}).map(([type, { schema = {} }]) => {
      const text = textExamples[type];
      const values = text === undefined ? (given ?? compose(schema, place)) : [text];
      return [type, { schema, examples: named(values) }];
    });
    if (shown.length > 0) body.content = Object.fromEntries(shown);
  };
  const place = { owner: resourceOf(path), ending: endingOf(path), name: 'data' };
  if (requestBody !== undefined) show(requestBody, { ...place, isRequest: true }, bodyExamples);
  for (const [status, response] of Object.entries(responses))
    if (status.startsWith('2')) show(response, { ...place, isRequest: false });
}

/** One for each shape that a request may have; of answers one. */
function compose(schema: Schema, place: Place): readonly unknown[] {
  const shapes = place.isRequest ? shapesOf(schema) : [schema];
  return shapes.map((shape) => exampleOf(shape, place));
}

function named(values: readonly unknown[]): Record<string, { readonly value: unknown }> {
  return Object.fromEntries(
    values.map((value, at) => [at === 0 ? 'example' : `example${at + 1}`, { value }]),
  );
}

/** `partner` of `/partners/{id}/balance`, `kpi` of `/dashboard/kpi`. */
function resourceOf(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  const id = parts.indexOf('{id}');
  const name = id > 0 ? parts[id - 1] : parts.findLast((part) => !part.startsWith('{'));
  return singular(name ?? '');
}

const endingOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function singular(name: string): string {
  return name.replace(/ies$/, 'y').replace(/s$/, '');
}

function shapesOf(schema: Schema): readonly Schema[] {
  const shapes = schema.anyOf ?? schema.oneOf ?? [schema];
  return shapes.filter((shape) => shape.type !== 'null');
}

function exampleOf(schema: Schema, place: Place): unknown {
  const [own] = schema.examples ?? [];
  if (own !== undefined) return own;
  if (schema.const !== undefined) return schema.const;
  const known = knownValue(place);
  if (known !== undefined && fits(known, schema)) return known;
  if (schema.enum !== undefined) return schema.enum[0];
  const [shape] = shapesOf(schema);
  return shape === undefined || shape === schema ? ofType(schema, place) : exampleOf(shape, place);
}

function knownValue({ ending, owner, name }: Place): unknown {
  const found = [`${ending}.${name}`, `${owner}.${name}`, name].find((key) => key in EXAMPLE_VALUES);
  return found === undefined ? undefined : EXAMPLE_VALUES[found];
}

/** Whether a value is of the kind that a schema asks for; its limits are the business of the test that validates. */
function fits(value: unknown, schema: Schema): boolean {
  if (schema.enum !== undefined) return schema.enum.includes(value);
  const shapes = schema.anyOf ?? schema.oneOf;
  if (shapes !== undefined) return shapes.some((shape) => fits(value, shape));
  const types = typesOf(schema);
  return types.length === 0 || types.some((type) => isOf(type, value));
}

const typesOf = ({ type = [] }: Schema): readonly string[] => (typeof type === 'string' ? [type] : type);

function isOf(type: string, value: unknown): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type && value !== null && !Array.isArray(value);
}

function ofType(schema: Schema, place: Place): unknown {
  switch (typesOf(schema).find((type) => type !== 'null') ?? 'null') {
    case 'string':
      return textOf(schema, place);
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 0, 1);
    case 'boolean':
      return false;
    case 'array':
      return schema.items === undefined
        ? []
        : [exampleOf(schema.items, { ...place, name: singular(place.name) })];
    case 'object':
      return objectOf(schema, place);
    default:
      return null;
  }
}

function textOf({ format }: Schema, { owner, name }: Place): string {
  if (format === 'uuid') return exampleId(name === 'id' ? `${owner}Id` : name);
  if (format === 'date-time') return EXAMPLE_TIME;
  if (format === 'date') return EXAMPLE_DATE;
  if (format === 'uri') return 'https://shop.example/';
  if (name === 'id' || name.endsWith('Id')) return exampleId(name === 'id' ? `${owner}Id` : name);
  // `confirmedBy` -> `confirmed by`
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}

/** The same id for the same name everywhere, so that the `partnerId` of one example is the `id` of another. */
function exampleId(name: string): string {
  return `01991c2e-7a51-7c3f-9d64-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;
}

function objectOf({ properties = {}, required = [] }: Schema, place: Place): Record<string, unknown> {
  const owner = ENVELOPES.has(place.name) ? place.owner : singular(place.name);
  const named = Object.entries(properties).map(([name, schema]) => ({
    schema,
    place: { ...place, owner, name },
  }));
  const needed = named.filter(({ place: { name } }) => required.includes(name));
  const known = named.filter((one) => needed.includes(one) || knownValue(one.place) !== undefined);
  const shown = place.isRequest && needed.length > 0 ? needed : known;
  return Object.fromEntries(shown.map((one) => [one.place.name, exampleOf(one.schema, one.place)]));
}
