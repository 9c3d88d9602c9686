import type { Parameters } from '@tributary/commissions';

export interface SortColumn {
  /** SQL over the source's alias; an index is ordered by it and the id. */
  readonly expression: string;
  readonly type: 'timestamptz' | 'numeric';
  /** The column may be null: such rows have no place in this order and are left out. */
  readonly sparse?: true;
}

/** Where a list comes from. The texts are SQL of ours and never a client's. */
export interface ListSource<Field extends string> {
  /** `commissions c` */
  readonly from: string;
  readonly alias: string;
  /** What `wire` needs of a row; `alias.*` by default. */
  readonly columns?: string;
  /** The JSON of one row, over the alias. */
  readonly wire: string;
  /** SQL over the alias: what changes whenever the JSON of a row does. With it, rows can be remembered. */
  readonly revision?: string;
  /**
   * Matches are counted in the order of the page as well. Where conditions are in no index, that is where matches are: counting from
   * the other end would pass everything else first.
   */
  readonly countsInOrder?: true;
  /**
   * The index alone chooses the rows of the page, and only those are fetched. For a condition that nearly all rows fulfil, but none
   * of the newest: going through the rows in order looks as good to the planner, and passes all the newest.
   */
  readonly chosenByIndex?: true;
  readonly sorts: Readonly<Record<Field, SortColumn>>;
}

/** What of the source is asked for. */
export interface Selection {
  /** SQL conditions over the alias; their values are in `parameters`. */
  readonly conditions: readonly string[];
  readonly parameters: Parameters;
}
