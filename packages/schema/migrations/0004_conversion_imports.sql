CREATE TABLE "conversion_import_chunks" (
	"program_id" text DEFAULT 'default' NOT NULL,
	"import_id" uuid NOT NULL,
	"chunk" integer NOT NULL,
	"lines" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "conversion_import_chunks_program_id_import_id_chunk_pk" PRIMARY KEY("program_id","import_id","chunk")
);
--> statement-breakpoint
CREATE INDEX "conversion_import_chunks_created" ON "conversion_import_chunks" USING btree ("created_at");
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON conversion_import_chunks TO tributary_service;
