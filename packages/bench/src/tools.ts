import { spawn } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program that a row needs is not on this machine. */
export class MissingTool extends Error {
  override readonly name = 'MissingTool';
}

const DEBIAN_PACKAGE = { nginx: 'nginx-light', wrk: 'wrk', pgbench: 'postgresql-contrib' } as const;

/** Path of a peer's or load generator's program. @throws {MissingTool} with the package that brings it */
export function findTool(name: keyof typeof DEBIAN_PACKAGE): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', ...postgresFolders()];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  throw new MissingTool(`${name} is not installed; on Debian: apt-get install ${DEBIAN_PACKAGE[name]}`);
}

function postgresFolders(): string[] {
  const root = '/usr/lib/postgresql';
  try {
    return readdirSync(root).map((version) => join(root, version, 'bin'));
  } catch {
    return [];
  }
}

/** Runs a program to its end and answers what it printed. */
export function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${program} ended with ${code}:\n${output}`));
    });
  });
}
