import { isbot } from 'isbot';

/** A few hundred browsers make nearly all clicks, and the expression that looks for bots takes 11 us. */
const MAX_REMEMBERED = 2_000;
const MAX_LENGTH = 500;
const remembered = new Map<string, boolean>();

/** Whether a user agent is a bot's; answers are kept, all are forgotten when there are too many. */
export function isBotAgent(userAgent: string): boolean {
  const known = remembered.get(userAgent);
  if (known !== undefined) return known;
  const found = isbot(userAgent);
  if (userAgent.length <= MAX_LENGTH) {
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(userAgent, found);
  }
  return found;
}
