// Errors that are told in one sentence, without a stack trace: the person at the keyboard can act on them.

/** A failure whose message is a complete sentence for a person, with the exit code to leave with. */
export class Failure extends Error {
  /** @param {string} message @param {number} [exitCode] */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

const SYSTEM_SENTENCES = {
  ENOSPC: (path) => `The disk that holds ${path} is full: free some space and run the command again.`,
  EDQUOT: (path) => `Your disk quota is used up at ${path}: free some space and run the command again.`,
  EROFS: (path) => `${path} is on a read-only disk: copy the project to a place that can be written.`,
  EACCES: (path) => `${path} may not be written by this user: run the command as its owner.`,
  EPERM: (path) => `${path} may not be changed by this user: run the command as its owner.`,
};

/**
 * Runs `action` and turns what a disk or its permissions refuse into a sentence that names `path`.
 * @template T
 * @param {string} path
 * @param {() => T} action
 * @returns {T}
 */
export function onDisk(path, action) {
  try {
    return action();
  } catch (error) {
    const sentence = SYSTEM_SENTENCES[error.code];
    if (sentence === undefined) throw error;
    throw new Failure(sentence(path));
  }
}
