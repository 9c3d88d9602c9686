import type { Database } from '@tributary/schema';

import type { OrderInput } from './order-input.ts';
import { knownCustomers, ledCustomers } from './read-order.ts';
import type { Attributed } from './record-orders.ts';

type Credited = Exclude<Attributed<unknown>, { fault: unknown }>;

/** The customers of a set as each of its orders would find them, were it posted after those before it. */
export interface CustomersOfSet {
  /** Whether an earlier order of its customer is known. */
  isKnown(input: OrderInput): boolean;
  /**
   * Whether an order cannot be decided together with the set: one before it waits, or was or may be led by clicks that this one
   * would have been attributed to as well. Whatever comes of the customer then waits, too.
   */
  mustWait(input: OrderInput, credited: Credited): boolean;
  notePlaced(input: OrderInput, credited: Credited): void;
}

/** @param waiting customers of whom an order before this set waits; left as it is */
export async function readCustomersOfSet(
  db: Database,
  programId: string,
  fresh: ReadonlyMap<OrderInput, Attributed<unknown> | undefined>,
  waiting: ReadonlySet<string>,
): Promise<CustomersOfSet> {
  const once = new Set<string>();
  const again = new Set<string>();
  for (const [{ customerRefHash }, credited] of fresh) {
    if (customerRefHash === null) continue;
    const looksBack = credited !== undefined && 'byCustomer' in credited && credited.byCustomer;
    if (looksBack && once.has(customerRefHash)) again.add(customerRefHash);
    once.add(customerRefHash);
  }
  const [known, led] = await Promise.all([
    knownCustomers(db, programId, [...once]),
    ledCustomers(db, programId, [...again]),
  ]);
  const placed = new Set<string>();
  const held = new Set(waiting);
  return {
    isKnown: ({ customerRefHash }) => customerRefHash !== null && known.has(customerRefHash),
    mustWait({ customerRefHash }, { byCustomer }) {
      if (customerRefHash === null) return false;
      if (byCustomer && placed.has(customerRefHash) && led.has(customerRefHash)) held.add(customerRefHash);
      return held.has(customerRefHash);
    },
    notePlaced({ customerRefHash }, { attribution }) {
      if (customerRefHash === null) return;
      known.add(customerRefHash);
      placed.add(customerRefHash);
      if (attribution.path.length > 0) led.add(customerRefHash);
    },
  };
}
