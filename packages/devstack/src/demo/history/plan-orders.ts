import type { DemoPartner } from '../catalogue/partners.ts';
import { type DemoProduct, PRODUCTS } from '../catalogue/products.ts';
import type { Random } from '../random.ts';
import { likelyMoment } from './calendar.ts';

export interface PlannedLine {
  readonly sku: string;
  readonly quantity: number;
  /** In US cents. */
  readonly amount: number;
  readonly commissionable: number;
}

/** An order before anything has happened to it. */
export interface PlannedOrder {
  readonly at: Date;
  readonly partner: DemoPartner;
  readonly lines: readonly [PlannedLine, ...PlannedLine[]];
  /** What the shop calls the customer; belongs to one partner, so that partners can be replayed side by side. */
  readonly customer: string;
  /** Came by a coupon code, without a click. */
  readonly coupon: string | null;
}

type Taste = DemoPartner['taste'];

const SMALL_UP_TO_CENTS = 45_000;
const BIKE_SHARE = 0.7;

function basketOf(taste: Taste, random: Random): readonly DemoProduct[] {
  if (taste === 'small') return PRODUCTS.filter(({ price }) => price <= SMALL_UP_TO_CENTS);
  const cycling = taste === 'bikes' && random.chance(BIKE_SHARE);
  return cycling ? PRODUCTS.filter(({ category }) => category === 'cycling') : PRODUCTS;
}

/** A bestseller sells three times as often as the others. */
const popularity = ({ tags }: DemoProduct): number => (tags.includes('bestseller') ? 3 : 1);

function planLine(random: Random, products: readonly DemoProduct[]): PlannedLine {
  const product = random.weighted(products, products.map(popularity));
  const quantity = product.price < 10_000 && random.chance(0.3) ? random.int(2, 3) : 1;
  const discounted = random.chance(0.1) ? 0.9 : 1;
  const amount = Math.round(product.price * quantity * discounted);
  // Shipping and gift wrap, which some shops post with the line, earn nothing.
  const commissionable = random.chance(0.15) ? Math.round(amount * 0.95) : amount;
  return { sku: product.sku, quantity, amount, commissionable };
}

function planLines(random: Random, taste: Taste): PlannedOrder['lines'] {
  const first = planLine(random, basketOf(taste, random));
  if (!random.chance(0.12)) return [first];
  return [
    first,
    planLine(
      random,
      PRODUCTS.filter(({ sku, price }) => sku !== first.sku && price <= SMALL_UP_TO_CENTS),
    ),
  ];
}

const COUPON_SHARE = { COUPONS: 0.7 } as const satisfies Record<string, number>;
const USUAL_COUPON_SHARE = 0.08;

function planCoupon(random: Random, { code, coupon }: DemoPartner): string | null {
  const share = code in COUPON_SHARE ? COUPON_SHARE.COUPONS : USUAL_COUPON_SHARE;
  return coupon !== undefined && random.chance(share) ? coupon : null;
}

const RETURNING_SHARE = 0.3;

/** The orders that one partner brings, oldest first. */
export function planOrders(random: Random, firstDay: Date, partner: DemoPartner): PlannedOrder[] {
  const range = { from: partner.firstDay, to: partner.lastDay };
  const moments = Array.from({ length: partner.orders }, () => likelyMoment(random, firstDay, range));
  moments.sort((a, b) => a.getTime() - b.getTime());
  const customers: string[] = [];
  return moments.map((at) => {
    const returning = customers.length > 0 && random.chance(RETURNING_SHARE);
    const customer = returning ? random.pick(customers) : `${partner.code} customer ${customers.length + 1}`;
    if (!returning) customers.push(customer);
    const coupon = planCoupon(random, partner);
    return { at, partner, lines: planLines(random, partner.taste), customer, coupon };
  });
}
