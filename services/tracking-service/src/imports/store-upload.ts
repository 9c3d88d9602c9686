import { newId } from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import type { ImportedLine } from '@tributary/schema/tables';

/** Lines a row: what a runner does between two reports, a few seconds of work, and no more than two megabytes. */
const CHUNK_LINES = 4_500;
const CHUNK_CHARACTERS = 2_000_000;

const STORE = `
  INSERT INTO conversion_import_chunks (program_id, import_id, chunk, lines) VALUES ($1, $2, $3::int, $4::jsonb)`;
const FORGET = 'DELETE FROM conversion_import_chunks WHERE program_id = $1 AND import_id = $2';

export interface StoredUpload {
  /** The id that the job is to have. */
  readonly importId: string;
  readonly lines: number;
}

/** Stores lines as they come, a chunk at a time: the upload waits for the database. What breaks off leaves nothing. */
export async function storeUpload(
  db: Pick<Database, 'query'>,
  programId: string,
  lines: AsyncIterable<ImportedLine>,
): Promise<StoredUpload> {
  const importId = newId();
  let stored = 0;
  let chunk = 0;
  try {
    for await (const page of chunksOf(lines)) {
      await db.query(STORE, [programId, importId, chunk, page.map((line) => ({ ...line }))]);
      chunk += 1;
      stored += page.length;
    }
  } catch (error) {
    await forgetUpload(db, programId, importId);
    throw error;
  }
  return { importId, lines: stored };
}

/** What cannot be deleted now is purged after a week. */
export async function forgetUpload(
  db: Pick<Database, 'query'>,
  programId: string,
  importId: string,
): Promise<void> {
  await db.query(FORGET, [programId, importId]).catch(() => undefined);
}

async function* chunksOf(lines: AsyncIterable<ImportedLine>): AsyncIterable<ImportedLine[]> {
  let page: ImportedLine[] = [];
  let characters = 0;
  for await (const line of lines) {
    page.push(line);
    characters += JSON.stringify(line).length;
    if (page.length < CHUNK_LINES && characters < CHUNK_CHARACTERS) continue;
    yield page;
    page = [];
    characters = 0;
  }
  if (page.length > 0) yield page;
}
