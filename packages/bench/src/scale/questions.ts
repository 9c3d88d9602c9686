import { PARTNER_COUNT, type Past } from './past.ts';

/** A question as a person asks it; another one each time, so that no cache has seen it. */
export interface Question {
  readonly name: string;
  readonly path: (past: Past) => string;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const below = (count: number): number => Math.floor(Math.random() * count);

/** As `bench:fill` makes them. */
const somePartner = (): string =>
  `10000000-0000-7000-8000-${String(1 + below(PARTNER_COUNT)).padStart(12, '0')}`;

/** Thirty days that end at a minute which nobody has asked for. */
function someMonth({ end }: Past): string {
  const dateTo = new Date(end.getTime() - below(10 * 24 * 60) * MINUTE_MS);
  const dateFrom = new Date(dateTo.getTime() - 30 * DAY_MS);
  return `dateFrom=${dateFrom.toISOString()}&dateTo=${dateTo.toISOString()}`;
}

const dashboard = (name: string): Question => ({
  name: `dashboard ${name}`,
  path: (past) => `/dashboard/${name}?${someMonth(past)}`,
});

export const QUESTIONS: readonly Question[] = [
  {
    name: 'list of a partner',
    path: () => `/operations/commissions?partnerId=${somePartner()}&status=confirmed`,
  },
  { name: 'list of all', path: (past) => `/operations/commissions?${someMonth(past)}` },
  {
    name: 'search by order',
    path: ({ orders }) => `/operations/commissions?search=bench-${1 + below(orders)}`,
  },
  dashboard('funnel'),
  dashboard('kpi'),
  dashboard('policy-performance'),
  dashboard('partner-tiers'),
  dashboard('trends'),
];
