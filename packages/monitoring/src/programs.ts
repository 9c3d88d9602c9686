import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Something to be said to whoever called, without a stack trace. */
export class MonitorFailure extends Error {
  override readonly name = 'MonitorFailure';
}

const PACKAGES: Readonly<Record<string, string>> = {
  promtool: 'prometheus',
  prometheus: 'prometheus',
  amtool: 'prometheus-alertmanager',
  'prometheus-alertmanager': 'prometheus-alertmanager',
};

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first of some names that is an executable on PATH; Debian calls Alertmanager by another name than others do. */
export function findProgram(names: readonly string[]): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  if (found !== undefined) return found;
  const [name = ''] = names;
  throw new MonitorFailure(
    `${name} is not on PATH. Debian has it in the package ${PACKAGES[name] ?? name}; with Docker, \`docker compose up\` brings all of it.`,
  );
}

/** Runs a program to its end, with its output where ours goes. */
export async function runToEnd(program: string, args: readonly string[], cwd: string): Promise<boolean> {
  const child = spawn(program, args, { cwd, stdio: 'inherit' });
  return (await exitOf(child)) === 0;
}

/** How a child ended; a signal counts as 1. */
export async function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
