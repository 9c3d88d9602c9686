import type { FieldError } from './errors.ts';

/**
 * Levels of lists and objects, the outermost included: several times what anybody sends. Thousands would be an overflow of
 * the stack wherever a value is written as JSON again.
 */
const MAX_LEVELS = 64;

/**
 * What Postgres cannot store of a value: strings with U+0000 or with half a surrogate pair, and nesting without end. Found here,
 * it is a 400 that names the field; found there, it would be an error of a statement. `mayBeUnstorable` spares the walk.
 */
export function findUnstorable(value: unknown, path = '', level = 1): FieldError[] {
  if (typeof value === 'string')
    return isUnsafe(value) ? [{ path, message: 'must not hold U+0000 or broken characters' }] : [];
  if (typeof value !== 'object' || value === null) return [];
  if (level > MAX_LEVELS) return [{ path, message: `must not be nested deeper than ${MAX_LEVELS} levels` }];
  if (Array.isArray(value)) {
    return value.flatMap((item, at) => findUnstorable(item, join(path, String(at)), level + 1));
  }
  return Object.entries(value).flatMap(([key, item]) => {
    if (isUnsafe(key)) return [{ path, message: 'has a property name with U+0000 or broken characters' }];
    return findUnstorable(item, join(path, key), level + 1);
  });
}

/** Whether the value of a JSON text has to be walked: both faults can only come in by an escape, or by many brackets. */
export function mayBeUnstorable(text: string): boolean {
  return text.includes('\\u') || opens(text, '{') + opens(text, '[') > MAX_LEVELS;
}

/** How often a bracket stands in a text, counted no further than matters. */
function opens(text: string, bracket: '{' | '['): number {
  let count = 0;
  for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
    count += 1;
    if (count > MAX_LEVELS) break;
  }
  return count;
}

function isUnsafe(text: string): boolean {
  return text.includes('\u0000') || !text.isWellFormed();
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
