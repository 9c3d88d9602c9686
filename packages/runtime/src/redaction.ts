/** What stands in a log where something secret was. */
export const REDACTED = '[redacted]';

const secretName =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookies?|.*(?:token|secret|password|passphrase|api[-_]?key|credential|signature|pepper)s?|x-tributary-identity|jwt)$/i;

/**
 * Deeper structures do not occur in log lines; the bound keeps a line's cost bounded and survives cycles.
 */
const MAX_DEPTH = 5;

/**
 * Masks every property with a secret's name, at any depth. Returns the same object when there is nothing to mask: a
 * log line costs a walk over a few keys, which is why this is not pino's own redaction (paths must be listed per depth
 * and are matched case-sensitively).
 */
export function redact<Value>(value: Value): Value {
  return redactAt(value, 0) as Value;
}

function redactAt(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return redactArray(value, depth);
  if (!isPlain(value)) return value;
  let copy: Record<string, unknown> | undefined;
  for (const key in value) {
    const before = (value as Record<string, unknown>)[key];
    const after = mask(key, before, depth);
    if (after === before) continue;
    copy ??= { ...value };
    copy[key] = after;
  }
  return copy ?? value;
}

function mask(key: string, value: unknown, depth: number): unknown {
  if (value !== null && value !== undefined && secretNames(key)) return REDACTED;
  return redactAt(value, depth + 1);
}

function redactArray(values: readonly unknown[], depth: number): unknown {
  const copy = values.map((value) => redactAt(value, depth + 1));
  return copy.some((value, at) => value !== values[at]) ? copy : values;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const knownNames = new Map<string, boolean>();

/** Key names are few and come back on every line: remember the verdict instead of running the expression again. */
function secretNames(key: string): boolean {
  let verdict = knownNames.get(key);
  if (verdict === undefined) {
    verdict = secretName.test(key);
    if (knownNames.size < 2_000) knownNames.set(key, verdict);
  }
  return verdict;
}

const secretText: readonly [RegExp, string][] = [
  [/\b(Bearer|Basic)\s+[^\s"',]+/gi, `$1 ${REDACTED}`],
  [/(:\/\/[^:/@\s]*):[^@/\s]*@/g, `$1:${REDACTED}@`],
  [/\b(tb_live_|whsec_)[A-Za-z0-9+/=_-]+/g, `$1${REDACTED}`],
  [/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, REDACTED],
];

/** Masks what looks like a credential in free text: error messages quote headers and connection strings. */
export function redactText(text: string): string {
  return secretText.reduce((masked, [pattern, replacement]) => masked.replaceAll(pattern, replacement), text);
}
