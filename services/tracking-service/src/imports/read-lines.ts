import { StringDecoder } from 'node:string_decoder';

/** A line of an upload, by the number of the line that it begins on. */
export interface UploadedLine {
  readonly line: number;
  readonly text: string;
}

/** The longest line that an order fills: 200 lines of an order with their fields. */
export const MAX_LINE_CHARACTERS = 65_536;

export class LineTooLongError extends Error {
  override readonly name = 'LineTooLongError';
  readonly line: number;

  constructor(line: number) {
    super(`line ${line} is longer than ${MAX_LINE_CHARACTERS} characters`);
    this.line = line;
  }
}

/**
 * The lines of a body as it comes, holding no more than one at a time; blank ones are left out. With `quoted`, line ends between
 * double quotes belong to the line, as in CSV.
 * @throws {LineTooLongError}
 */
export async function* readLines(
  body: AsyncIterable<Buffer>,
  { quoted }: { readonly quoted: boolean },
): AsyncIterable<UploadedLine> {
  const decoder = new StringDecoder('utf8');
  const lines = new LineSplitter(quoted);
  for await (const bytes of body) yield* lines.take(decoder.write(bytes));
  yield* lines.take(`${decoder.end()}\n`);
  yield* lines.rest();
}

const BYTE_ORDER_MARK = '\uFEFF';

class LineSplitter {
  readonly #quoted: boolean;
  #pending = '';
  /** Up to where `#pending` was looked through. */
  #seen = 0;
  #inQuotes = false;
  /** Line ends before `#pending`, and within it. */
  #before = 0;
  #within = 0;

  constructor(quoted: boolean) {
    this.#quoted = quoted;
  }

  *take(text: string): Iterable<UploadedLine> {
    this.#pending += text;
    let start = 0;
    for (let at = this.#seen; at < this.#pending.length; at += 1) {
      const character = this.#pending[at];
      if (character === '"' && this.#quoted) this.#inQuotes = !this.#inQuotes;
      if (character !== '\n') continue;
      this.#within += 1;
      if (this.#inQuotes) continue;
      yield* this.#lineOf(this.#pending.slice(start, at));
      start = at + 1;
    }
    this.#pending = this.#pending.slice(start);
    this.#seen = this.#pending.length;
    if (this.#seen > MAX_LINE_CHARACTERS) throw new LineTooLongError(this.#before + 1);
  }

  /** What is left behind an open quote. */
  *rest(): Iterable<UploadedLine> {
    yield* this.#lineOf(this.#pending);
  }

  *#lineOf(text: string): Iterable<UploadedLine> {
    const line = this.#before + 1;
    this.#before += this.#within;
    this.#within = 0;
    const trimmed = (line === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text).trim();
    if (trimmed.length > MAX_LINE_CHARACTERS) throw new LineTooLongError(line);
    if (trimmed !== '') yield { line, text: trimmed };
  }
}
