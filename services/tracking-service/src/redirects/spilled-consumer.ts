import { defineConsumer, type ConsumerDefinition } from '@tributary/messaging';
import type { EventEnvelope } from '@tributary/event-catalog';
import type { Catalog } from '../catalog/catalog.ts';
import type { ClickWriter } from '../clicks/click-writer.ts';
import { assignClick } from '../clicks/record-click.ts';
import { observedClick } from './spill.ts';

interface SpilledDeps {
  readonly catalog: Pick<Catalog, 'findCode'>;
  readonly clicks: ClickWriter;
}

/** Stores clicks that redirects spilled while Postgres was away. Their ids are their keys, so storing one twice is storing it once. */
export function spilledClickConsumer(deps: SpilledDeps): ConsumerDefinition {
  return defineConsumer({
    name: 'tracking-spilled-clicks',
    types: ['click.spilled'],
    handleBatch: async (events) => {
      await Promise.all(events.map((event) => storeSpilled(deps, event)));
    },
  });
}

/** A code that turns out not to exist belongs to nobody, as it would have at the time. */
async function storeSpilled(
  { catalog, clicks }: SpilledDeps,
  event: EventEnvelope<'click.spilled'>,
): Promise<void> {
  const known = await catalog.findCode(event.programId, event.data.referralCode);
  if (known !== undefined) await clicks.store(assignClick(observedClick(event), known));
}
