import type { Database } from '@tributary/schema';

/** Indexes that are not there for a while. */
export interface IndexesAside {
  /** Makes them again, as they were. */
  restore(onIndex: (name: string) => void): Promise<void>;
}

// Those of partitions belong to the parent's, and those of constraints stay: both have a row in pg_depend or pg_constraint.
const FIND = `
  SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid = ANY(SELECT format('public.%I', name)::regclass FROM unnest($1::text[]) AS name)
    AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid)
  ORDER BY 1`;

/** Drops the indexes of tables, save those of constraints: made anew over all rows at once they cost a tenth. */
export async function setIndexesAside(owner: Database, tables: readonly string[]): Promise<IndexesAside> {
  const found = await owner.query<{ name: string; definition: string }>(FIND, [tables]);
  for (const { name } of found) await owner.query(`DROP INDEX public."${name}"`);
  return {
    async restore(onIndex) {
      for (const { name, definition } of found) {
        // Of a partitioned table the definition names the parent ONLY, which would leave the partitions without.
        await owner.query(definition.replace(' ON ONLY ', ' ON '));
        onIndex(name);
      }
    },
  };
}
