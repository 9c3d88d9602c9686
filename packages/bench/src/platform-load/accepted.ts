import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** What the platform answered as done, as k6 wrote it down. */
export interface Accepted {
  readonly clicks: string[];
  readonly orders: { readonly orderId: string; readonly conversions: number; readonly commissions: number }[];
  readonly changes: { readonly commissionId: string; readonly version: number; readonly action: string }[];
}

const LINE = /accepted (click|order|change) (\S+)(?: (\S+) (\S+))?/;

const none = (): Accepted => ({ clicks: [], orders: [], changes: [] });

/**
 * Reads the lines `accepted click ID`, `accepted order ID CONVERSIONS COMMISSIONS` and `accepted change COMMISSION VERSION ACTION`
 * in portions, since an hour of load accepts millions. Other lines, such as warnings of k6, are passed over.
 */
export async function* readAccepted(file: string, atOnce: number): AsyncGenerator<Accepted> {
  let portion = none();
  let held = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const [, kind, id = '', second = '', third = ''] = LINE.exec(line) ?? [];
    if (kind === undefined) continue;
    if (kind === 'click') portion.clicks.push(id);
    else if (kind === 'order')
      portion.orders.push({ orderId: id, conversions: Number(second), commissions: Number(third) });
    else portion.changes.push({ commissionId: id, version: Number(second), action: third });
    held += 1;
    if (held < atOnce) continue;
    yield portion;
    portion = none();
    held = 0;
  }
  yield portion;
}
