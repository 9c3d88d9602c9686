-- An agency may run several programmes under one address, so that partners are found by an address and not told apart by it. The
-- unique index goes with the next migration, not with a later release: partners are few, and this index is built in an instant.
CREATE INDEX IF NOT EXISTS "partners_email" ON "partners" USING btree ("program_id",lower("email"));
