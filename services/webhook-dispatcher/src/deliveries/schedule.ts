/** Seconds before the second, third, ... attempt: three attempts, at once, after about 5 s and 30 s. */
export const DEFAULT_RETRY_DELAYS_SECONDS: readonly number[] = [5, 30];

/** The schedule that the Standard Webhooks specification proposes, over 75 hours: the longest an endpoint may ask for. */
export const LONGEST_RETRY_DELAYS_SECONDS: readonly number[] = [
  5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
];

/** Jitter of a fifth either way keeps the retries of one outage from arriving as one burst. */
const JITTER = 0.2;

/** `retry-after` beyond this would be a way to make us keep a delivery for ever. */
const LONGEST_RETRY_AFTER_SECONDS = 86_400;

export interface NextAttemptInput {
  /** Attempts made in this round, the one just failed included. */
  readonly attemptsInRound: number;
  readonly delaysSeconds: readonly number[];
  /** What the receiver asked for with 429 or 503. */
  readonly retryAfterSeconds?: number | undefined;
  readonly at: Date;
  /** In [0, 1). */
  readonly random: number;
}

/** When to try again after a failure, or undefined when the attempts are used up. */
export function nextAttemptAt(input: NextAttemptInput): Date | undefined {
  const { attemptsInRound, delaysSeconds, retryAfterSeconds = 0, at, random } = input;
  const delay = delaysSeconds[attemptsInRound - 1];
  if (delay === undefined) return undefined;
  const jittered = delay * (1 - JITTER + 2 * JITTER * random);
  const asked = Math.min(retryAfterSeconds, LONGEST_RETRY_AFTER_SECONDS);
  return new Date(at.getTime() + Math.max(jittered, asked) * 1000);
}

/** Seconds from a `retry-after` header, which holds seconds or an HTTP date; undefined when it makes no sense. */
export function parseRetryAfter(header: string | undefined, at: Date): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header.trim());
  // Only the IMF-fixdate form begins with a letter; Date.parse alone would take "-5" for a year.
  const date = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : Number.NaN;
  if (Number.isNaN(date)) return undefined;
  return Math.max(0, Math.ceil((date - at.getTime()) / 1000));
}
