import type { CommandContext, CommandDeps, PolicySource } from '@tributary/commissions';
import type { Actor } from '@tributary/event-catalog';
import { DEFAULT_PROGRAM } from '@tributary/schema';

import type { StoredCatalogue } from '../catalogue/store-catalogue.ts';
import type { Operator } from '../operator.ts';

/** Where the history is played: what the product's commands need, and who acts. */
export interface Scene {
  readonly deps: CommandDeps & { readonly policies: PolicySource };
  readonly catalogue: StoredCatalogue;
  readonly operator: Operator;
  /** The shop's back end, by its API key. */
  readonly shop: Actor;
}

const SHOP_ADDRESS = '198.51.100.7';
const SHOP_AGENT = 'shop-backend/3.2';

export function shopContext({ shop }: Scene, now: Date, requestId: string): CommandContext {
  return {
    programId: DEFAULT_PROGRAM,
    actor: shop,
    requestId,
    ipAddress: SHOP_ADDRESS,
    userAgent: SHOP_AGENT,
    now,
  };
}

export function operatorContext({ operator }: Scene, now: Date, requestId: string): CommandContext {
  const { id, name, ipAddress, userAgent } = operator;
  const actor: Actor = { kind: 'user', id, name };
  return { programId: DEFAULT_PROGRAM, actor, requestId, ipAddress, userAgent, now };
}

/** @throws when the catalogue lacks what the plan names */
export function idOf(ids: ReadonlyMap<string, string>, name: string): string {
  const id = ids.get(name);
  if (id === undefined) throw new Error(`the demonstration has no ${name}`);
  return id;
}

/** The history plans only what can be done: a refusal would be a fault of the plan. */
export function mustBe(what: string, result: { readonly outcome: string }, ...wanted: string[]): void {
  if (wanted.includes(result.outcome)) return;
  const detail = 'detail' in result ? ` (${String(result.detail)})` : '';
  throw new Error(`demonstration: ${what} answered ${result.outcome}${detail}`);
}

/** Runs groups side by side and what is in a group one after another: what shares a partner shares customers and limits. */
export async function inLanes<Item>(
  items: readonly Item[],
  laneOf: (item: Item) => string,
  run: (item: Item) => Promise<void>,
): Promise<void> {
  const lanes = [...Map.groupBy(items, laneOf).values()];
  await Promise.all(
    lanes.map(async (lane) => {
      for (const item of lane) await run(item);
    }),
  );
}
