/**
 * A condition that is always true and makes the planner expect one row where it would expect 100 of jsonb_to_recordset: for
 * 100 it reads a table of some ten thousand rows whole, on every command. A range counts as 0.5 %.
 */
export const isFew = (id: string): string =>
  `${id} BETWEEN '00000000-0000-0000-0000-000000000000' AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'`;
