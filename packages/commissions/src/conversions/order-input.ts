import type { Money } from '../money/index.ts';

/** One line of an order as a shop posts it, checked; amounts are decimal text in the order's currency. */
export interface OrderLineInput {
  productId: string;
  quantity: number;
  amount: Money;
  commissionableAmount: Money;
}

/** An order to be recorded, apart from who is credited for it. */
export interface OrderInput {
  /** The shop's own order id. */
  orderId: string;
  currency: string;
  placedAt: Date;
  customerRefHash: string | null;
  /** What the shop says; otherwise a customer is new when no earlier order of it is known. */
  isNewCustomer?: boolean | undefined;
  confirmed: boolean;
  lines: readonly OrderLineInput[];
  metadata: Record<string, unknown>;
}
