import { appendFileSync } from 'node:fs';

/** Says a line on standard output and keeps it, with its time, in the stack's own log. */
export function createStackLog(file: string, print: (line: string) => void): (line: string) => void {
  return (line) => {
    print(line);
    try {
      appendFileSync(file, `${new Date().toISOString()} ${line}\n`);
    } catch {
      // A full disk must not end the supervision; the line was printed.
    }
  };
}
