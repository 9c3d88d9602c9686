-- Commands decide on rows that they have read and write with one statement. Where fewer rows were written than had been
-- decided upon, somebody was faster: this aborts the statement whole, and the command decides again.

CREATE FUNCTION require_rows(written bigint, decided bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF written <> decided THEN
    RAISE EXCEPTION 'decided upon % rows, % were still as they had been read', decided, written USING ERRCODE = 'TR001';
  END IF;
  RETURN TRUE;
END $$;
