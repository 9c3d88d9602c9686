import { randomBytes } from 'node:crypto';

/** A short name nobody else uses: letters and digits, beginning with a letter. */
export function uniqueName(prefix: string): string {
  return `${prefix}${randomBytes(5).toString('hex')}`;
}
