/** Over what counters are turned into rates: Grafana's own choice, four scrapes at least. */
const WINDOW = '$__rate_interval';

/** Events per second of a counter, by labels. */
export const rate = (selector: string, by = ''): string =>
  by === '' ? `sum(rate(${selector}[${WINDOW}]))` : `sum by (${by}) (rate(${selector}[${WINDOW}]))`;

/** How many in the range of the dashboard. */
export const total = (selector: string, by = ''): string =>
  by === '' ? `sum(increase(${selector}[$__range]))` : `sum by (${by}) (increase(${selector}[$__range]))`;

/** A quantile of a histogram, by labels; `selector` may have matchers: `name{a="b"}`. */
export function quantile(q: number, selector: string, by = ''): string {
  const [name = '', matchers = ''] = selector.split(/(?=\{)/);
  const labels = by === '' ? 'le' : `${by}, le`;
  return `histogram_quantile(${q}, sum by (${labels}) (rate(${name}_bucket${matchers}[${WINDOW}])))`;
}

/** A part of a whole, 0 to 1. */
export const share = (part: string, whole: string): string => `${part} / ${whole}`;

/** 0 instead of no figure while there is no series of it. */
export const orNone = (expr: string): string => `(${expr} or vector(0))`;

/** p50, p95 and p99, each with its legend. */
export const latencies = (selector: string): Record<string, string> =>
  Object.fromEntries([0.5, 0.95, 0.99].map((q) => [`p${q * 100}`, quantile(q, selector)]));
