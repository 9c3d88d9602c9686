import { existsSync, globSync, statSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';

const PATTERNS = ['packages/*/{src,test}/**/*.test.ts', 'services/*/{src,test}/**/*.test.ts'];

/** Test files, as paths from the root: those that may run at once, and those that have to run one at a time. */
export interface TestFiles {
  parallel: string[];
  serial: string[];
}

function wantedFile(root: string, argument: string): string {
  const path = resolve(argument);
  if (existsSync(path)) return relative(root, path);
  if (existsSync(resolve(root, argument))) return relative(root, resolve(root, argument));
  throw new Error(`There is no file or folder ${argument}.`);
}

/**
 * Finds the test files of all packages and services, or of the files and folders given.
 * @throws when an argument names nothing that exists, or no test file is found
 */
export function findTestFiles(root: string, given: readonly string[]): TestFiles {
  const all = globSync(PATTERNS, { cwd: root }).sort();
  const wanted = given.map((argument) => wantedFile(root, argument));
  const chosen = wanted.flatMap((path) =>
    statSync(resolve(root, path)).isDirectory()
      ? all.filter((file) => path === '' || file.startsWith(`${path}${sep}`))
      : [path],
  );
  const files = given.length === 0 ? all : [...new Set(chosen)];
  if (files.length === 0)
    throw new Error(`No test file found${given.length === 0 ? '' : ` in ${given.join(', ')}`}.`);
  const isSerial = (file: string): boolean => file.includes(`${sep}test${sep}serial${sep}`);
  return {
    parallel: files.filter((file) => !isSerial(file)),
    serial: files.filter((file) => isSerial(file)),
  };
}
