import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

// Debian keeps nats-server in /usr/sbin, which is not on an ordinary user's PATH; Homebrew's folders are missing from
// the PATH of programs that were not started by a login shell.
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/opt/homebrew/bin', '/usr/local/bin'];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The folders in which programs are looked for: PATH, then those that PATH often lacks. */
export function searchFolders(): string[] {
  const path = process.env.PATH ?? '';
  return [...path.split(delimiter).filter((folder) => folder !== ''), ...MORE_FOLDERS];
}

/** The path of a program, or undefined when none of the folders has it. */
export function findExecutable(
  name: string,
  folders: readonly string[] = searchFolders(),
): string | undefined {
  return folders.map((folder) => join(folder, name)).find((path) => isExecutable(path));
}
