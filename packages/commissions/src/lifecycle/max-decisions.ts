/** How often a command decides when someone else was faster each time, before it gives up. */
export const MAX_DECISIONS = 4;
