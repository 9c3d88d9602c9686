/** A line of an order as a shop sent it, checked but not yet looked up. */
export interface PostedOrderLine {
  readonly productId?: string | undefined;
  readonly sku?: string | undefined;
  /** In the order's currency, of no more decimals than it has. */
  readonly amount: number;
  readonly commissionableAmount: number;
  readonly quantity: number;
  /** Where the line stood (`lines.0.`, or empty), so that a fault can name its field. */
  readonly path: string;
}

/**
 * An order as a shop sent it, without anything that tells who the customer is: session and customer are hashes. Plain JSON, so
 * that an import can keep it.
 */
export interface PostedOrder {
  readonly orderId: string;
  readonly currency: string;
  /** ISO 8601. */
  readonly placedAt: string;
  readonly clickId?: string | undefined;
  readonly sessionHash?: string | undefined;
  readonly referralCode?: string | undefined;
  readonly customerRefHash?: string | undefined;
  readonly isNewCustomer?: boolean | undefined;
  readonly confirmed: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly lines: readonly PostedOrderLine[];
}

/** A field of an order that names what is not there, or contradicts another. */
export interface OrderFault {
  readonly path: string;
  readonly message: string;
}

/** What is wrong with an order, found where only throwing leads out. Callers of `postOrder` get it as an outcome. */
export class OrderFaultsError extends Error {
  override readonly name = 'OrderFaultsError';
  readonly faults: readonly OrderFault[];

  constructor(faults: readonly OrderFault[]) {
    super(faults.map(({ path, message }) => `${path} ${message}`).join('; '));
    this.faults = faults;
  }
}
