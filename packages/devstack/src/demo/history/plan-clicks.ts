import { createHash } from 'node:crypto';

import type { ClickSource, ClickStatus } from '@tributary/schema';

import { type DemoPartner, PARTNER_CHANGES, PARTNERS } from '../catalogue/partners.ts';
import { PRODUCTS } from '../catalogue/products.ts';
import type { Random } from '../random.ts';
import { DAYS, dayOf, hoursBefore, likelyMoment } from './calendar.ts';
import type { PlannedOrder } from './plan-orders.ts';

export interface PlannedClick {
  readonly id: string;
  readonly at: Date;
  readonly partnerCode: string;
  readonly sku: string | null;
  readonly subId: string | null;
  readonly source: ClickSource;
  readonly campaign: string | null;
  readonly referrer: string | null;
  readonly status: ClickStatus;
  readonly visitorHash: string;
  readonly ipAnonymized: string;
  readonly userAgent: string;
}

const AGENTS: Readonly<Record<ClickSource, string>> = {
  web: 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
  mobile: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148',
  app: 'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36',
  email: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36',
  social: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 15_6) AppleWebKit/605.1.15 Version/18.6 Safari/605.1.15',
  unknown: 'Mozilla/5.0 (compatible)',
};
const BOT_AGENTS = [
  'Googlebot/2.1 (+http://www.google.com/bot.html)',
  'AhrefsBot/7.0',
  'python-requests/2.32',
];
const REFERRERS: Readonly<Record<ClickSource, readonly (string | null)[]>> = {
  web: ['https://www.google.com/', 'https://duckduckgo.com/', null],
  mobile: ['https://www.google.com/', null],
  app: [null],
  email: [null],
  social: ['https://www.youtube.com/', 'https://www.instagram.com/', 'https://www.reddit.com/'],
  unknown: [null],
};
const CAMPAIGNS: Readonly<Record<ClickSource, readonly (string | null)[]>> = {
  web: [null, 'gear-guide'],
  mobile: [null],
  app: [null, 'push'],
  email: ['newsletter', 'weekend-letter'],
  social: ['video', 'story', null],
  unknown: [null],
};
const SUB_IDS = ['top-10', 'review', 'sidebar', 'footer', null, null, null];

interface Visit {
  readonly at: Date;
  readonly partner: DemoPartner;
  readonly status?: ClickStatus;
  readonly sku?: string | null;
}

function planClick(random: Random, { at, partner, status = 'valid', sku }: Visit): PlannedClick {
  const id = random.idAt(at);
  const source = random.pick(partner.sources);
  return {
    id,
    at,
    partnerCode: partner.code,
    sku: sku === undefined ? (random.chance(0.4) ? random.pick(PRODUCTS).sku : null) : sku,
    subId: random.pick(SUB_IDS),
    source,
    campaign: random.pick(CAMPAIGNS[source]),
    referrer: random.pick(REFERRERS[source]),
    status,
    visitorHash: createHash('sha256').update(id).digest('hex'),
    ipAnonymized: random.pick(['192.0.2.0', '198.51.100.0', '203.0.113.0']),
    userAgent: status === 'bot' ? random.pick(BOT_AGENTS) : AGENTS[source],
  };
}

const DUPLICATE_SHARE = 0.08;

/** The same visitor again: within a few hours, so that it is a duplicate, and still before the day's end. */
function planRepetition(random: Random, click: PlannedClick): PlannedClick[] {
  if (!random.chance(DUPLICATE_SHARE)) return [];
  const at = hoursBefore(click.at, -random.next());
  return [{ ...click, id: random.idAt(at), at, status: 'duplicate' }];
}

const suspendedFrom = (code: string): number =>
  PARTNER_CHANGES.find((change) => change.code === code && change.to === 'suspended')?.day ?? DAYS;

const EARLIER_PARTNER_SHARE = 0.15;
const MAX_LAG_HOURS = 72;

/** The clicks that led to an order, oldest first: now and then another partner's before the one that counts. */
export function planJourney(random: Random, firstDay: Date, order: PlannedOrder): PlannedClick[] {
  if (order.coupon !== null) return [];
  const { at, partner, lines } = order;
  const sinceStart = (at.getTime() - firstDay.getTime()) / 3_600_000;
  const lag = Math.min(0.05 + MAX_LAG_HOURS * random.next() ** 3, sinceStart * 0.5);
  const last = planClick(random, { at: hoursBefore(at, lag), partner, sku: lines[0].sku });
  if (!random.chance(EARLIER_PARTNER_SHARE)) return [last];
  const other = random.pick(PARTNERS.filter(({ code }) => code !== partner.code));
  const earlier = hoursBefore(last.at, Math.min(1 + 200 * random.next(), (sinceStart - lag) * 0.9));
  const joined = other.firstDay ?? 0;
  const day = dayOf(firstDay, earlier);
  if (day < joined || day >= suspendedFrom(other.code)) return [last];
  return [{ ...planClick(random, { at: earlier, partner: other }), visitorHash: last.visitorHash }, last];
}

const BOT_SHARE = 0.05;
const LIMITED_SHARE = 0.004;

/** Everyone who looked and did not buy; with bots, repetitions and, of a suspended partner, clicks that count for nothing. */
export function planVisits(random: Random, firstDay: Date, partner: DemoPartner): PlannedClick[] {
  const wanted = Math.round(partner.orders * (partner.clicksPerOrder - 1));
  const suspended = suspendedFrom(partner.code);
  const visits = Array.from({ length: wanted }, () => {
    const at = likelyMoment(random, firstDay, { from: partner.firstDay });
    const chance = random.next();
    const unlucky = chance < LIMITED_SHARE ? 'rate_limited' : 'valid';
    const status = dayOf(firstDay, at) >= suspended ? 'invalid' : unlucky;
    return planClick(random, { at, partner, status });
  });
  const repeated = visits.flatMap((click) => (click.status === 'valid' ? planRepetition(random, click) : []));
  const bots = Array.from({ length: Math.round(wanted * BOT_SHARE) }, () =>
    planClick(random, {
      at: likelyMoment(random, firstDay, { from: partner.firstDay }),
      partner,
      status: 'bot',
    }),
  );
  return [...visits, ...repeated, ...bots];
}
