import { writeSync } from 'node:fs';

export interface BufferedOutput {
  write(line: string): void;
  /** Writes what is held back, now. */
  flushSync(): void;
}

export interface BufferedOutputOptions {
  readonly fd: number;
  /** The line that tells how many lines are missing and why (`ENOSPC`); written once writing works again. */
  readonly describeLoss: (lines: number, code: string) => string;
  /** Lets time pass for a reader that is behind; by default by halting the process. */
  readonly pause?: (ms: number) => void;
}

/** About a dozen lines: a write per line costs a busy gateway a tenth of its CPU. */
const PORTION_BYTES = 4_096;
/** A line is seen this much after it was written, at the latest. */
const FLUSH_EVERY_MS = 150;
/** A reader that is behind gets half a second; the whole process waits for it meanwhile. */
const WAITS = 10;
const WAIT_MS = 50;

const NEWLINE = 10;

/**
 * Lines written in portions and synchronously, so that nothing is on its way when the process ends. It never throws and
 * never tries for ever: what a full disk does not take is lost, counted and told of later, while the process goes on.
 * When nobody reads any more (EPIPE), it falls silent.
 */
export function createBufferedOutput({
  fd,
  describeLoss,
  pause = halt,
}: BufferedOutputOptions): BufferedOutput {
  let pending = '';
  let pendingBytes = 0;
  let lost = 0;
  let lostBy = '';
  let endsWithinLine = false;
  let isClosed = false;

  /** Answers what could not be written. */
  const put = (text: string): Buffer => {
    const bytes = Buffer.from(text);
    // Who has missed a portion already is not waited for again: that would be half a second for each.
    const { written, code } = writeAll(fd, bytes, { waits: lost === 0 ? WAITS : 0, pause });
    if (written > 0) endsWithinLine = bytes[written - 1] !== NEWLINE;
    if (code !== undefined) lostBy = code;
    isClosed = code === 'EPIPE';
    return bytes.subarray(written);
  };

  const tellLoss = (): boolean => {
    const line = describeLoss(lost, lostBy);
    if (put(endsWithinLine ? `\n${line}` : line).length > 0) return false;
    lost = 0;
    return true;
  };

  const flushSync = (): void => {
    if (pendingBytes === 0 || isClosed) return;
    const portion = pending;
    pending = '';
    pendingBytes = 0;
    const left = lost === 0 || tellLoss() ? put(portion) : Buffer.from(portion);
    lost += countLines(left);
  };

  const timer = setInterval(flushSync, FLUSH_EVERY_MS);
  timer.unref();
  return {
    write(line) {
      if (isClosed) return;
      pending += line;
      pendingBytes += Buffer.byteLength(line);
      if (pendingBytes >= PORTION_BYTES) flushSync();
    },
    flushSync,
  };
}

/** Writes all, or as much as goes; `code` says what was in the way. */
function writeAll(
  fd: number,
  bytes: Buffer,
  { waits, pause }: { waits: number; pause: (ms: number) => void },
): { written: number; code?: string } {
  let written = 0;
  let waitsLeft = waits;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      if (code !== 'EAGAIN' || waitsLeft === 0) return { written, code };
      waitsLeft -= 1;
      pause(WAIT_MS);
    }
  }
  return { written };
}

function halt(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (const byte of bytes) if (byte === NEWLINE) lines += 1;
  return lines;
}
