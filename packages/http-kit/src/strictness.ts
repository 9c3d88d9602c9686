import { z } from 'zod';

/**
 * Names the objects inside a schema that let unknown properties through. Every body and query of the API must be
 * strict (`z.strictObject`), so that a misspelt field is an answer and not a silence. Records are fine: their keys are
 * the client's own.
 */
export function findLooseObjects(schema: z.core.$ZodType, path = ''): string[] {
  return looseObjects(schema, path, new Set());
}

function looseObjects(schema: z.core.$ZodType, path: string, seen: Set<z.core.$ZodType>): string[] {
  if (seen.has(schema)) return [];
  seen.add(schema);
  const own = schema instanceof z.ZodObject && !isStrict(schema) ? [path === '' ? '(top level)' : path] : [];
  const inner = children(schema).flatMap(([key, child]) => looseObjects(child, joined(path, key), seen));
  return [...own, ...inner];
}

/** A catch-all that says what else may come (`.catchall(z.string())`) is a decision; `z.looseObject` takes anything. */
function isStrict(schema: z.ZodObject): boolean {
  const { catchall } = schema.def;
  return catchall !== undefined && !(catchall instanceof z.ZodUnknown || catchall instanceof z.ZodAny);
}

type Child = readonly [key: string, schema: z.core.$ZodType];

/** The schemas one step below, whatever the wrapper. */
function children(schema: z.core.$ZodType): readonly Child[] {
  if (schema instanceof z.ZodObject) return Object.entries<z.core.$ZodType>(schema.shape);
  if (schema instanceof z.ZodArray) return [['[]', schema.def.element]];
  if (schema instanceof z.ZodUnion) return schema.def.options.map((option): Child => ['', option]);
  if (schema instanceof z.ZodIntersection)
    return [
      ['', schema.def.left],
      ['', schema.def.right],
    ];
  if (schema instanceof z.ZodPipe)
    return [
      ['', schema.def.in],
      ['', schema.def.out],
    ];
  if (schema instanceof z.ZodLazy) return [['', schema.def.getter()]];
  if (schema instanceof z.ZodRecord) return [['*', schema.def.valueType]];
  const def: object = schema._zod.def;
  return 'innerType' in def ? [['', def.innerType as z.core.$ZodType]] : [];
}

function joined(path: string, key: string): string {
  if (key === '') return path;
  return path === '' ? key : `${path}.${key}`;
}
