/** Units of Grafana that the panels use. */
export type Unit =
  | 'short'
  | 'reqps'
  | 's'
  | 'percentunit'
  | 'currencyUSD'
  | 'bytes'
  | 'dateTimeFromNow'
  | 'ops';

/** One line, or family of lines, of a panel. */
export interface Query {
  readonly expr: string;
  /** Grafana's pattern: `{{service}}`. */
  readonly legend: string;
}

export interface Panel {
  readonly kind: 'timeseries' | 'stat' | 'gauge' | 'heatmap' | 'bargauge';
  readonly title: string;
  /** What the figure means, shown at the panel's corner. */
  readonly says?: string;
  readonly unit: Unit;
  /** Of 24 columns. */
  readonly width: number;
  readonly queries: readonly Query[];
  /** From green over yellow to red, rising; or falling, where more is better. */
  readonly limits?: { readonly warn: number; readonly bad: number };
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly rows: readonly Row[];
}

type Details = Partial<Pick<Panel, 'says' | 'unit' | 'width' | 'limits'>>;
type Queries = Readonly<Record<string, string>>;

/** Declares a panel; `queries` by legend. */
function panelOf(kind: Panel['kind'], width: number) {
  return (title: string, queries: Queries, details: Details = {}): Panel => ({
    kind,
    title,
    unit: 'short',
    width,
    queries: Object.entries(queries).map(([legend, expr]) => ({ legend, expr })),
    ...details,
  });
}

export const lines = panelOf('timeseries', 12);
export const figure = panelOf('stat', 4);
export const dial = panelOf('gauge', 6);
export const heatmap = panelOf('heatmap', 12);
export const bars = panelOf('bargauge', 8);
