/** A moment as the API writes it, in SQL: ISO 8601, UTC, milliseconds. */
export const wireMoment = (expression: string): string =>
  `to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
