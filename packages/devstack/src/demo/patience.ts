/**
 * Nobody else waits for the connections of the seeding, and a machine that is busy with other things has to come to its end
 * all the same: neither turns nor statements are held to what is due to a request.
 */
export const PATIENT = { acquireTimeoutMs: 60_000, answerTimeoutMs: 300_000 } as const;
