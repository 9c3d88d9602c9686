type Named<Patch extends object> = { [Field in keyof Patch]?: Exclude<Patch[Field], undefined> };

/** What a PATCH names. JSON knows no undefined, but the type of an optional field does. */
export function namedFields<Patch extends object>(patch: Patch): Named<Patch> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as Named<Patch>;
}
