-- 0013 has said this since databases applied it that were migrated by superusers: pg_statistic is closed to everybody else, also
-- to the owner of a database, who may see what is known of his own tables in pg_stats. For those databases, should they get
-- such an owner; in a new one it changes nothing.
CREATE OR REPLACE FUNCTION assume_one_program(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  target record;
BEGIN
  SELECT c.relname::text AS relname, c.relkind = 'p' AS inherited INTO target
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'program_id' AND NOT a.attisdropped
  WHERE c.oid = relation AND NOT EXISTS (
    SELECT FROM pg_stats s WHERE s.schemaname = 'public' AND s.tablename = c.relname AND s.attname = a.attname);
  IF FOUND THEN
    PERFORM pg_restore_attribute_stats('schemaname', 'public', 'relname', target.relname, 'attname', 'program_id',
      'inherited', target.inherited, 'null_frac', 0::real, 'avg_width', 8, 'n_distinct', 1::real);
  END IF;
END $$;
