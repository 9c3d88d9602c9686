import { readFileSync, statfsSync } from 'node:fs';

/** What kept a server from starting, for callers that react to it (a port that is taken can be chosen anew). */
export type StartFailure =
  | 'port_taken'
  | 'disk_full'
  | 'no_permission'
  | 'data_damaged'
  | 'data_in_use'
  | 'missing_tool'
  | 'unsupported_platform'
  | 'failed';

/** A server could not be started; the message is one sentence that says what is wrong and what to do. */
export class ServerStartError extends Error {
  readonly failure: StartFailure;

  constructor(failure: StartFailure, message: string) {
    super(message);
    this.name = 'ServerStartError';
    this.failure = failure;
  }
}

/** The error for a port that some other process listens on. */
export function portTaken(server: string, port: number): ServerStartError {
  return new ServerStartError(
    'port_taken',
    `Port ${port} on 127.0.0.1, wanted for ${server}, is taken by another process: stop that process or choose another port.`,
  );
}

/** Less than this left on the disk counts as full: one WAL segment of Postgres. */
const FULL_BELOW_BYTES = 16 * 1024 * 1024;

/** A Postgres that panics leaves behind less than it needed, and its last words may not have fitted on the disk. */
const FULL_FOR_A_PANIC_BYTES = 4 * FULL_BELOW_BYTES;

function isDiskFull(path: string, output: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize < (output.includes('PANIC:') ? FULL_FOR_A_PANIC_BYTES : FULL_BELOW_BYTES);
  } catch {
    return false;
  }
}

function tellingLine(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const telling =
    lines.findLast((line) => /PANIC|FATAL|\[FTL\]|[Ee]rror|could not/.test(line)) ?? lines.at(-1);
  return telling?.trim() ?? 'it wrote nothing';
}

/** Errno 28 and 122 in words. Looked for first: Postgres panics over a full disk and is as good as new once there is room. */
const FULL =
  /no space left on device|disk full|disk quota exceeded|could not (write|extend) .*(wrote only|HINT: {2}Check free disk space)/is;

const DAMAGED =
  /valid checkpoint record|pg_control|pg_filenode|PANIC:|incompatible with server|not a valid data directory|invalid page|could not open file "(global|base|pg_wal|pg_xact)/;

/** Turns what a server wrote before it died into one sentence. */
export function explainFailure(
  server: { name: string; port: number; dataDir: string; logFile?: string },
  output: string,
): ServerStartError {
  const { name, port, dataDir } = server;
  const library = /error while loading shared libraries: ([^\s:]+)/.exec(output)?.[1];
  if (FULL.test(output) || isDiskFull(dataDir, output)) {
    return new ServerStartError(
      'disk_full',
      `The disk that holds ${dataDir} is full, so ${name} cannot start: free some space and try again.`,
    );
  }
  if (/address already in use/i.test(output)) return portTaken(name, port);
  if (library !== undefined) {
    return new ServerStartError(
      'missing_tool',
      `${name} needs the system library ${library}: install the package that holds it.`,
    );
  }
  if (/lock file ".*" already exists/.test(output)) {
    return new ServerStartError(
      'data_in_use',
      `The data folder ${dataDir} is in use by another ${name}: stop that one first.`,
    );
  }
  if (/permission denied/i.test(output)) {
    return new ServerStartError(
      'no_permission',
      `${name} may not use ${dataDir} (${tellingLine(output)}): run as the user who owns that folder, or choose another folder.`,
    );
  }
  if (DAMAGED.test(output)) {
    return new ServerStartError(
      'data_damaged',
      `The data of ${name} in ${dataDir} is damaged (${tellingLine(output)}): restore a copy, or move the folder away to start empty.`,
    );
  }
  const log = server.logFile === undefined ? '' : `; its log is ${server.logFile}`;
  return new ServerStartError('failed', `${name} did not start (${tellingLine(output)})${log}.`);
}

/** The part of a log file behind `offset`, empty when it cannot be read. */
export function readLogFrom(logFile: string, offset: number): string {
  try {
    return readFileSync(logFile).subarray(offset).toString('utf8');
  } catch {
    return '';
  }
}
