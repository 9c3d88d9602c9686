import type { KnownCode } from '@tributary/commissions';
import type { EventData, EventEnvelope } from '@tributary/event-catalog';
import { newId } from '@tributary/runtime';
import type { ObservedClick } from '../clicks/record-click.ts';

type SpilledClick = EventEnvelope<'click.spilled'>;

/** A click that cannot be stored now, as the message in which it waits. */
export function spilledClick(
  observed: ObservedClick,
  known: KnownCode | undefined,
  requestId: string,
): SpilledClick {
  const { id, programId, utmSource, utmMedium, utmCampaign, clickedAt, ...click } = observed;
  const data: EventData<'click.spilled'> = {
    ...click,
    clickId: id,
    partnerId: known?.partnerId ?? null,
    utm: { source: utmSource, medium: utmMedium, campaign: utmCampaign },
    clickedAt: clickedAt.toISOString(),
  };
  return {
    id: newId(),
    type: 'click.spilled',
    version: 1,
    occurredAt: data.clickedAt,
    programId,
    subject: { clickId: id },
    actor: { kind: 'public', id: null, name: 'public' },
    requestId,
    data,
  };
}

/** The click out of its message. */
export function observedClick({ programId, data }: SpilledClick): ObservedClick {
  const { clickId, partnerId: _partnerId, utm, clickedAt, ...click } = data;
  return {
    ...click,
    id: clickId,
    programId,
    utmSource: utm.source,
    utmMedium: utm.medium,
    utmCampaign: utm.campaign,
    clickedAt: new Date(clickedAt),
  };
}
