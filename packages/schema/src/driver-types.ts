/**
 * How values cross the wire. Every parameter is sent without a type, so that Postgres says what it expects and the
 * serialiser of that type is used: guessing from the JavaScript value, as the driver does by default, declares an array of
 * dates to be one date and makes a second prepared statement for every null.
 */

type Serialize = (value: unknown) => string;
type Parse = (text: string) => unknown;

interface DriverType {
  to: number;
  from: number[];
  serialize: Serialize;
  parse: Parse;
}

const asText: Serialize = (value) => String(value);
const sameText: Parse = (text) => text;

/** Strings pass unchanged: they may carry microseconds, which a Date cannot. */
const asTimestamp: Serialize = (value) => (value instanceof Date ? value.toISOString() : String(value));
const asDate: Serialize = (value) =>
  value instanceof Date ? value.toISOString().slice(0, 10) : String(value);
const asBoolean: Serialize = (value) => (value === true || value === 'true' || value === 't' ? 't' : 'f');

const asJson: Serialize = (value) => {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError('A parameter cannot be expressed as JSON.');
  return text;
};

function asBytes(value: unknown): string {
  if (!(value instanceof Uint8Array)) throw new TypeError('A bytea parameter must be a Uint8Array.');
  return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
}

/** One dimension: an element that is itself an array is a value (of a jsonb[]), never a second dimension. */
function arraySerializer(element: Serialize): Serialize {
  const literal = (value: unknown): string => {
    if (value === null) return 'null';
    if (value === undefined) throw new TypeError('An array parameter holds undefined.');
    return `"${element(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  };
  return (value) => {
    if (!Array.isArray(value)) throw new TypeError('An array was expected as parameter.');
    return `{${value.map(literal).join(',')}}`;
  };
}

const ARRAY_ELEMENT = /"((?:[^"\\]|\\.)*)"|([^,{}"]+)/gs;

function arrayParser(element: Parse): Parse {
  return (text) =>
    Array.from(text.matchAll(ARRAY_ELEMENT), ([, quoted, bare]) => {
      if (quoted !== undefined) return element(quoted.replaceAll(/\\(.)/gs, '$1'));
      return bare === undefined || bare === 'NULL' ? null : element(bare);
    });
}

/** `[oid, array oid, serialise, parse]`; the numbers are those of pg_type and never change. */
const SCALARS: readonly (readonly [number, number, Serialize, Parse])[] = [
  [16, 1000, asBoolean, (text) => text === 't'],
  [17, 1001, asBytes, (text) => Buffer.from(text.slice(2), 'hex')],
  [20, 1016, asText, sameText], // int8: beyond 2^53 a number would lie
  [21, 1005, asText, Number],
  [23, 1007, asText, Number],
  [25, 1009, asText, sameText],
  [114, 199, asJson, JSON.parse],
  [700, 1021, asText, Number],
  [701, 1022, asText, Number],
  [1043, 1015, asText, sameText],
  [1082, 1182, asDate, sameText], // a date has no time zone, and so is no instant
  [1114, 1115, asTimestamp, sameText],
  [1184, 1185, asTimestamp, (text) => new Date(text)],
  [1700, 1231, asText, sameText], // numeric: money never becomes binary floating point
  [2950, 2951, asText, sameText],
  [3802, 3807, asJson, JSON.parse],
];

/** For the driver's `types` option; with them it need not ask each new connection for the array types. */
export const driverTypes: Record<string, DriverType> = Object.fromEntries(
  SCALARS.flatMap(([oid, arrayOid, serialize, parse]): [string, DriverType][] => [
    [`t${oid}`, { to: oid, from: [oid], serialize, parse }],
    [
      `t${arrayOid}`,
      {
        to: arrayOid,
        from: [arrayOid],
        serialize: arraySerializer(serialize),
        parse: arrayParser(parse),
      },
    ],
  ]),
);
