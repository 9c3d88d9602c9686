import type { Utm } from '../clicks/record-click.ts';

/** The query of a link: whatever mail programs and networks hang onto it, so nothing in it is an error. */
export type LinkQuery = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface LinkParameters {
  readonly to: string | undefined;
  readonly subId: string | undefined;
  readonly utm: Utm;
}

const MAX_VALUE = 200;

/** Of a repeated parameter the first counts. */
export function readLinkQuery(query: LinkQuery): LinkParameters {
  const value = (name: string): string | undefined => {
    const given = query[name];
    const first = typeof given === 'string' ? given : given?.[0];
    return first === '' ? undefined : first;
  };
  // Postgres stores no U+0000: what is left without it is kept.
  const short = (name: string): string | undefined =>
    value(name)?.replaceAll('\u0000', '').slice(0, MAX_VALUE).toWellFormed() || undefined;
  return {
    to: value('to'),
    subId: short('subId') ?? short('sub_id'),
    utm: { source: short('utm_source'), medium: short('utm_medium'), campaign: short('utm_campaign') },
  };
}
