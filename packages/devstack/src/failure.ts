/** What keeps a stack from starting, said in one sentence to the person at the keyboard. No stack trace is shown. */
export class StackFailure extends Error {
  override readonly name = 'StackFailure';
}

const DISK_SENTENCES: Readonly<Record<string, (path: string) => string>> = {
  ENOSPC: (path) => `The disk that holds ${path} is full: free some space and start again.`,
  EDQUOT: (path) => `Your disk quota is used up at ${path}: free some space and start again.`,
  EROFS: (path) =>
    `${path} is on a read-only disk: choose another home, e.g. TRIBUTARY_HOME=/tmp/tributary npm start.`,
  EACCES: (path) =>
    `${path} may not be written by this user: start as its owner or choose another TRIBUTARY_HOME.`,
  EPERM: (path) =>
    `${path} may not be changed by this user: start as its owner or choose another TRIBUTARY_HOME.`,
  ENOENT: (path) => `${path} cannot be made there: choose another TRIBUTARY_HOME.`,
  ENOTDIR: (path) =>
    `${path} cannot be a folder, because a part of its path is a file: choose another TRIBUTARY_HOME.`,
  EEXIST: (path) => `${path} is a file where a folder is needed: choose another TRIBUTARY_HOME.`,
};

/** The code of a Node.js system error (`ENOENT`, `EPIPE`, ...), if it is one. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What a log line says of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs `action` on a path of the home folder; what the disk or its permissions refuse becomes a StackFailure. */
export function onDisk<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const sentence = DISK_SENTENCES[systemErrorCode(error) ?? ''];
    throw sentence === undefined ? error : new StackFailure(sentence(path), { cause: error });
  }
}
