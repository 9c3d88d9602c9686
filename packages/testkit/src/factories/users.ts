import type { Database } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';

import { uniqueName } from '../unique.ts';
import { insertRow, type NewRow, type Row } from './insert-row.ts';

/** A user, an admin unless told otherwise, whom no password lets in unless a hash is given. */
export async function insertUser(db: Database, values: Partial<NewRow<'users'>> = {}): Promise<Row<'users'>> {
  const handle = uniqueName('user-');
  return insertRow(db, 'users', {
    id: uuidv7(),
    email: `${handle}@example.com`,
    name: `User ${handle}`,
    role: 'admin',
    passwordHash: 'none',
    ...values,
  });
}
