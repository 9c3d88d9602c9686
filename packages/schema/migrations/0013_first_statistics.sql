-- A table that was never analysed passes for one of ten pages in which every value is rare: `program_id = $1` alone then seems to
-- find a single row, and a statement that is planned while its tables are empty (services prepare once per connection) walks the
-- whole programme in nested loops, until autovacuum has looked at the tables, minutes later on a busy machine. Hence a first
-- word on `program_id`, until ANALYZE knows better: one value in all rows, so that only the rest of a key is worth an index.
CREATE FUNCTION assume_one_program(relation regclass) RETURNS void
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
--> statement-breakpoint
SELECT assume_one_program(oid::regclass) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p');
--> statement-breakpoint
CREATE OR REPLACE FUNCTION add_partition(parent text, key text, suffix text, lower_bound timestamptz, upper_bound timestamptz)
RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  partition text := format('%s_p%s', parent, suffix);
BEGIN
  IF to_regclass('public.' || partition) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
  EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', partition, parent);
  EXECUTE format('WITH moved AS (DELETE FROM public.%I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO public.%I SELECT * FROM moved',
    parent || '_default', key, lower_bound, key, upper_bound, partition);
  PERFORM assume_one_program(format('public.%I', partition)::regclass);
  EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
    parent, partition, lower_bound, upper_bound);
  RETURN true;
END $$;
