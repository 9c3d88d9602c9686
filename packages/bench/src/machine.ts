import { cpus } from 'node:os';

/** What figures were taken on. */
export const machine = {
  cores: cpus().length,
  model: cpus()[0]?.model ?? 'unknown',
  node: process.version,
} as const;
