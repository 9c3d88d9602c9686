import type { ClickSource, PartnerTier } from '@tributary/schema';

/** A partner of the demonstration, with what makes its figures look the way they do. */
export interface DemoPartner {
  readonly code: string;
  /** Codes for coupons, which readers type in without ever following a link. */
  readonly coupon?: string;
  readonly name: string;
  readonly email: string;
  readonly externalId: string;
  readonly tier: PartnerTier;
  /** Orders in the sixty days. */
  readonly orders: number;
  /** Valid clicks for each order. */
  readonly clicksPerOrder: number;
  readonly taste: 'bikes' | 'mixed' | 'small';
  /** One of so many orders is refunded. */
  readonly refundEvery: number;
  readonly sources: readonly ClickSource[];
  /** The part of the sixty days in which it brings orders. */
  readonly firstDay?: number;
  readonly lastDay?: number;
}

/** The code of the partner whose login stack.json names; `ensureAccounts` makes it. */
export const LOGIN_PARTNER = 'HARBOUR';

/**
 * Twelve partners. By the marks of tier recommendation Harbour Reviews has outgrown gold, Alpine Almanac silver and Pedal &
 * Path bronze; Deal Hunters earns well and is refunded too often; Fjord & Fell has too few commissions to be judged.
 */
export const PARTNERS: readonly DemoPartner[] = [
  {
    code: LOGIN_PARTNER,
    coupon: 'HARBOUR10',
    name: 'Harbour Reviews',
    email: 'partner@tributary.example',
    externalId: 'P-1001',
    tier: 'gold',
    orders: 330,
    clicksPerOrder: 11,
    taste: 'bikes',
    refundEvery: 60,
    sources: ['web', 'web', 'mobile', 'email'],
  },
  {
    code: 'NORTHWIND',
    name: 'Northwind Trails',
    email: 'hello@northwind-trails.example',
    externalId: 'P-1002',
    tier: 'platinum',
    orders: 230,
    clicksPerOrder: 12,
    taste: 'mixed',
    refundEvery: 40,
    sources: ['web', 'mobile', 'social'],
  },
  {
    code: 'ALPINE',
    coupon: 'ALPINE5',
    name: 'Alpine Almanac',
    email: 'editors@alpine-almanac.example',
    externalId: 'P-1003',
    tier: 'silver',
    orders: 190,
    clicksPerOrder: 14,
    taste: 'bikes',
    refundEvery: 48,
    sources: ['web', 'web', 'email'],
  },
  {
    code: 'PEDALPATH',
    name: 'Pedal & Path',
    email: 'ride@pedalandpath.example',
    externalId: 'P-1004',
    tier: 'bronze',
    orders: 130,
    clicksPerOrder: 17,
    taste: 'bikes',
    refundEvery: 19,
    sources: ['social', 'mobile', 'web'],
  },
  {
    code: 'DEALHUNT',
    name: 'Deal Hunters',
    email: 'deals@dealhunters.example',
    externalId: 'P-1005',
    tier: 'gold',
    orders: 110,
    clicksPerOrder: 9,
    taste: 'mixed',
    refundEvery: 6,
    sources: ['web', 'app', 'mobile'],
  },
  {
    code: 'SLOWTRAVEL',
    name: 'Slow Travel Letters',
    email: 'letters@slowtravel.example',
    externalId: 'P-1006',
    tier: 'bronze',
    orders: 40,
    clicksPerOrder: 50,
    taste: 'small',
    refundEvery: 20,
    sources: ['email'],
  },
  {
    code: 'GEARCAB',
    name: 'The Gear Cabinet',
    email: 'desk@gearcabinet.example',
    externalId: 'P-1007',
    tier: 'silver',
    orders: 70,
    clicksPerOrder: 24,
    taste: 'mixed',
    refundEvery: 22,
    sources: ['web', 'web', 'unknown'],
  },
  {
    code: 'FAMILYOUT',
    name: 'Family Outdoors',
    email: 'us@family-outdoors.example',
    externalId: 'P-1008',
    tier: 'bronze',
    orders: 55,
    clicksPerOrder: 24,
    taste: 'small',
    refundEvery: 18,
    sources: ['social', 'social', 'mobile'],
  },
  {
    code: 'STUDIOKITE',
    name: 'Studio Kite',
    email: 'office@studiokite.example',
    externalId: 'P-1009',
    tier: 'silver',
    orders: 35,
    clicksPerOrder: 20,
    taste: 'small',
    refundEvery: 5,
    sources: ['social', 'app'],
    lastDay: 39,
  },
  {
    code: 'CAMPFIRE',
    name: 'Campfire Radio',
    email: 'studio@campfire-radio.example',
    externalId: 'P-1010',
    tier: 'gold',
    orders: 60,
    clicksPerOrder: 17,
    taste: 'mixed',
    refundEvery: 25,
    sources: ['app', 'mobile', 'unknown'],
  },
  {
    code: 'FJORDFELL',
    name: 'Fjord & Fell',
    email: 'hei@fjordandfell.example',
    externalId: 'P-1011',
    tier: 'bronze',
    orders: 6,
    clicksPerOrder: 40,
    taste: 'mixed',
    refundEvery: 99,
    sources: ['social', 'web'],
    firstDay: 40,
  },
  {
    code: 'COUPONS',
    coupon: 'CORNER15',
    name: 'Coupon Corner',
    email: 'team@coupon-corner.example',
    externalId: 'P-1012',
    tier: 'bronze',
    orders: 60,
    clicksPerOrder: 7,
    taste: 'small',
    refundEvery: 15,
    sources: ['web', 'app'],
  },
];

/** What an operator did to partners in those days. */
export interface PartnerChange {
  readonly day: number;
  readonly code: string;
  readonly field: 'status' | 'paymentHold' | 'tier';
  readonly from: string | boolean;
  readonly to: string | boolean;
  readonly reason: string;
}

export const PARTNER_CHANGES: readonly PartnerChange[] = [
  {
    day: 12,
    code: 'ALPINE',
    field: 'tier',
    from: 'bronze',
    to: 'silver',
    reason: 'A strong first half year',
  },
  {
    day: 35,
    code: 'CAMPFIRE',
    field: 'paymentHold',
    from: false,
    to: true,
    reason: 'Bank details are being verified',
  },
  {
    day: 40,
    code: 'STUDIOKITE',
    field: 'status',
    from: 'active',
    to: 'suspended',
    reason: 'Bought its own products through its own links',
  },
];
