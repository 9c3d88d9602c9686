import * as fc from 'fast-check';

import {
  hostileScalars,
  hostileValues,
  type JsonSchema,
  type Parameter,
  type Route,
  typesOf,
} from './bad-input.ts';

/** Ids that exist, by the name of what they identify (`commissions`); grows while answers come in. */
export type KnownIds = Map<string, string[]>;

export interface GeneratedRequest {
  readonly route: Route;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** One value in so many is not what the schema asks for. */
const SPOILT_ONE_IN = 12;
const MAX_ITEMS = 3;
const REASONABLE = { least: -1_000, most: 100_000 };
/** Names nothing: an endpoint there is never reached. */
const URLS = [
  'https://receiver.invalid/hook',
  'http://receiver.invalid:8080/',
  'https://user:x@receiver.invalid/',
];

const isPast = (time: Date): string => time.toISOString();
const dates = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })
  .chain((date) => fc.constantFrom(isPast(date), isPast(date).slice(0, 10)));

/** Arbitrary requests of a document's operations, mostly such as the document allows. */
export function requestsFor(routes: readonly Route[], known: KnownIds): fc.Arbitrary<GeneratedRequest> {
  return fc.constantFrom(...routes).chain((route) =>
    fc.record({
      route: fc.constant(route),
      path: pathFor(route, known),
      headers: headersFor(route),
      body: bodyFor(route, known),
    }),
  );
}

function pathFor(route: Route, known: KnownIds): fc.Arbitrary<string> {
  const names = route.pathParameters.map(({ name }) => name);
  const values = route.pathParameters.map(({ name, schema }) =>
    valueFor(schema, name === 'id' ? resourceBefore(route.template) : resourceOf(name), known).map((value) =>
      // An empty segment is another path.
      encodeURIComponent(inAddress(value).slice(0, 200) || '-'),
    ),
  );
  const query = queryFor(route.query, known);
  return fc.tuple(fc.tuple(...values), query).map(([found, text]) => {
    const filled = names.reduce(
      (path, name, at) => path.replace(`{${name}}`, () => found[at] ?? '-'),
      route.template,
    );
    return text === '' ? filled : `${filled}?${text}`;
  });
}

/** An object may have a `toString` of its own, or none. */
const inAddress = (value: unknown): string =>
  (typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed();

/** `/partners/{id}/balance` is about one of the `partners`. */
const resourceBefore = (template: string): string => /(\w[\w-]*)\/\{id\}/.exec(template)?.[1] ?? '';
/** `partnerId` is the id of one of the `partners`; `policyId` of the `policies`. */
const resourceOf = (name: string): string => `${name.replace(/(Id|_id)$/, '')}s`.replace(/ys$/, 'ies');

function queryFor(parameters: readonly Parameter[], known: KnownIds): fc.Arbitrary<string> {
  const fields = Object.fromEntries(
    parameters.map(({ name, schema }) => [
      name,
      spoilt(
        valueFor(schema, resourceOf(name), known),
        hostileScalars(schema).filter((value) => String(value).length < 1_000),
      ),
    ]),
  );
  return fc.record(fields, { requiredKeys: [] }).map((query) =>
    Object.entries(query)
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(inAddress(value))}`)
      .join('&'),
  );
}

function headersFor({ headers }: Route): fc.Arbitrary<Record<string, string>> {
  const fields = Object.fromEntries(headers.map(({ name }) => [name, fc.uuid()]));
  return fc
    .record(fields, { requiredKeys: [] })
    .map((found) => Object.fromEntries(Object.entries(found).map(([name, value]) => [name, String(value)])));
}

function bodyFor({ bodies, mayBeEmpty }: Route, known: KnownIds): fc.Arbitrary<unknown> {
  if (bodies.length === 0) return fc.constant(undefined);
  const shapes = bodies.map((schema) => valueFor(schema, '', known));
  return mayBeEmpty ? fc.oneof(...shapes, fc.constant(undefined)) : fc.oneof(...shapes);
}

/** Now and then something else in a value's place. */
function spoilt(value: fc.Arbitrary<unknown>, bad: readonly unknown[]): fc.Arbitrary<unknown> {
  const other =
    bad.length === 0
      ? fc.jsonValue({ maxDepth: 1 })
      : fc.oneof(fc.constantFrom(...bad), fc.jsonValue({ maxDepth: 1 }));
  return fc.oneof({ weight: SPOILT_ONE_IN - 1, arbitrary: value }, { weight: 1, arbitrary: other });
}

function valueFor(schema: JsonSchema, resource: string, known: KnownIds): fc.Arbitrary<unknown> {
  const fixed = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  if (fixed !== undefined) return fc.constantFrom(...fixed);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => valueFor(choice, resource, known)));
  const types = typesOf(schema);
  if (types.length === 0) return fc.jsonValue({ maxDepth: 2 });
  return fc.oneof(...types.map((type) => valueOfType(type, { schema, resource, known })));
}

interface Asked {
  readonly schema: JsonSchema;
  readonly resource: string;
  readonly known: KnownIds;
}

function valueOfType(type: string, asked: Asked): fc.Arbitrary<unknown> {
  switch (type) {
    case 'string':
      return textFor(asked);
    case 'integer':
    case 'number':
      return numberFor(asked.schema, type === 'integer');
    case 'boolean':
      return fc.boolean();
    case 'array':
      return arrayFor(asked);
    case 'object':
      return objectFor(asked);
    default:
      return fc.constant(null);
  }
}

function textFor({ schema, resource, known }: Asked): fc.Arbitrary<string> {
  const { format, pattern, minLength = 0, maxLength = 60 } = schema;
  if (format === 'uuid') {
    const existing = fc.nat().map((at) => {
      const ids = known.get(resource) ?? [...known.values()].flat();
      return ids[at % ids.length] ?? '';
    });
    return fc.oneof({ weight: 5, arbitrary: existing }, { weight: 1, arbitrary: fc.uuid() });
  }
  if (format === 'date' || format === 'date-time') return dates;
  if (format === 'uri') return fc.constantFrom(...URLS);
  if (format === 'email') return fc.emailAddress();
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { maxLength });
  const most = Math.max(minLength, Math.min(maxLength, 60));
  const plain = fc.string({ minLength, maxLength: most });
  return fc.oneof(plain, fc.string({ minLength, maxLength: most, unit: 'grapheme' }), dates);
}

function numberFor(schema: JsonSchema, isWhole: boolean): fc.Arbitrary<number> {
  const least = Math.max(schema.minimum ?? schema.exclusiveMinimum ?? REASONABLE.least, -(2 ** 31));
  const most = Math.max(least, Math.min(schema.maximum ?? REASONABLE.most, REASONABLE.most));
  const whole = fc.integer({ min: Math.ceil(least), max: Math.floor(most) });
  return isWhole
    ? whole
    : fc.oneof(
        whole,
        whole.map((cents) => Math.max(least, cents / 100)),
      );
}

function arrayFor({ schema, resource, known }: Asked): fc.Arbitrary<unknown[]> {
  const { items = {}, minItems = 0, maxItems = MAX_ITEMS } = schema;
  return fc.array(valueFor(items, resource, known), {
    minLength: minItems,
    maxLength: Math.max(minItems, Math.min(maxItems, MAX_ITEMS)),
  });
}

function objectFor({ schema, known }: Asked): fc.Arbitrary<object> {
  const { properties, required = [] } = schema;
  if (properties === undefined)
    return fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 });
  const fields = Object.entries(properties).map(([name, field]) => [
    name,
    spoilt(valueFor(field, resourceOf(name), known), hostileValues(field)),
  ]);
  return fc.record<Record<string, unknown>, string>(Object.fromEntries(fields), {
    requiredKeys: [...required],
  });
}
