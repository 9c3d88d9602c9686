import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

import type { z } from 'zod';

import { onDisk, StackFailure, systemErrorCode } from '../failure.ts';

/** Readable by the owner alone: everything in the home may hold or lead to a secret. */
const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;

/** Makes a folder of the home with everything above it. */
export function makeFolder(path: string): void {
  const missing = [path];
  for (let above = dirname(path); !existsSync(above); above = dirname(above)) missing.unshift(above);
  // One by one: Node's own recursive mkdir answers ENOENT for a read-only disk, and never below /proc.
  for (const folder of missing) {
    onDisk(path, () => {
      if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
        mkdirSync(folder, { mode: PRIVATE_FOLDER });
    });
  }
}

/** Room for a new database, its write-ahead log and the demonstration data. */
const NEEDED_BYTES = 300 * 1024 * 1024;
const MEGABYTE = 1024 * 1024;

/** @throws {StackFailure} when a disk is too full to start on: told now rather than by a database that breaks off */
export function requireRoom(path: string): void {
  const { bavail, bsize } = statfsSync(path);
  const free = bavail * bsize;
  if (free >= NEEDED_BYTES) return;
  throw new StackFailure(
    `The disk that holds ${path} has only ${Math.floor(free / MEGABYTE)} MB left: free some space (${NEEDED_BYTES / MEGABYTE} MB are needed) and start again.`,
  );
}

/** Writes a file so that a reader sees the old content or the new, never a part. */
export function writePrivate(path: string, content: string): void {
  onDisk(dirname(path), () => {
    const draft = `${path}.${process.pid}.tmp`;
    writeFileSync(draft, content, { mode: PRIVATE_FILE });
    renameSync(draft, path);
  });
}

/** Writes a value as JSON, atomically and for the owner alone. */
export function writePrivateJson(path: string, value: unknown): void {
  writePrivate(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Reads a JSON file of the home; undefined when there is none.
 * @throws {StackFailure} when it is there but damaged
 */
export function readJson<T>(path: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw new StackFailure(
      `${path} cannot be read or is damaged: restore it, or delete it to have it made anew.`,
      {
        cause: error,
      },
    );
  }
}
