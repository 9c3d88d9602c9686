DROP INDEX IF EXISTS "partners_email_key";
