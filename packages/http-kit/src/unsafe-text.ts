import type { FieldError } from './errors.ts';

/**
 * Strings that Postgres cannot store: with U+0000, or with half a surrogate pair. Found here, they are a 400 that names
 * the field; found there, they would be an error of a statement. Both can only come in by an escape (`\u0000`, `%00`),
 * so callers look for one in the raw text first and walk the values only then.
 */
export function findUnsafeText(value: unknown, path = ''): FieldError[] {
  if (typeof value === 'string')
    return unsafe(value) ? [{ path, message: 'must not hold U+0000 or broken characters' }] : [];
  if (Array.isArray(value)) return value.flatMap((item, at) => findUnsafeText(item, join(path, String(at))));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    if (unsafe(key)) return [{ path, message: 'has a property name with U+0000 or broken characters' }];
    return findUnsafeText(item, join(path, key));
  });
}

function unsafe(text: string): boolean {
  return text.includes('\u0000') || !text.isWellFormed();
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
