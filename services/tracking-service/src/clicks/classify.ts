import type { ClickStatus } from '@tributary/schema';

/** What is known of a click besides its predecessors. */
export interface ClickFacts {
  readonly isBot: boolean;
  readonly isInternal: boolean;
  /** The partner is suspended, or the code no longer in use. */
  readonly isInvalid: boolean;
  readonly isRateLimited: boolean;
}

/** Where several fit: bot, internal, invalid, rate_limited. What is left is valid unless it turns out a duplicate. */
export function classifyClick(facts: ClickFacts): Exclude<ClickStatus, 'duplicate'> {
  if (facts.isBot) return 'bot';
  if (facts.isInternal) return 'internal';
  if (facts.isInvalid) return 'invalid';
  return facts.isRateLimited ? 'rate_limited' : 'valid';
}
