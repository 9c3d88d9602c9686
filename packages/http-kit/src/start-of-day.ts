const HALF_DAY_MS = 12 * 60 * 60 * 1_000;

/**
 * The first instant of a calendar day in a time zone. Usually that is midnight; where clocks jump over midnight it is
 * the moment of the jump, and where midnight comes twice, the first.
 * @param date `YYYY-MM-DD`
 */
export function startOfDay(date: string, timeZone: string): Date {
  const asIfUtc = Date.parse(`${date}T00:00:00Z`);
  // The offset changes at most once near a midnight, so one of these two is right.
  const before = asIfUtc - offsetMs(asIfUtc - 2 * HALF_DAY_MS, timeZone);
  const after = asIfUtc - offsetMs(asIfUtc + 2 * HALF_DAY_MS, timeZone);
  const midnights = [before, after].filter((at) => at + offsetMs(at, timeZone) === asIfUtc);
  // None: midnight is skipped, and with the old offset it falls on the very moment of the jump.
  return new Date(midnights.length === 0 ? before : Math.min(...midnights));
}

/** How far a time zone's clocks are ahead of UTC at an instant. */
function offsetMs(atMs: number, timeZone: string): number {
  const parts = clockOf(timeZone).formatToParts(atMs);
  const part = (type: Intl.DateTimeFormatPartTypes) =>
    Number(parts.find((each) => each.type === type)?.value);
  const shown = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  );
  return shown - Math.floor(atMs / 1_000) * 1_000;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Making a formatter costs a hundred times its use. */
function clockOf(timeZone: string): Intl.DateTimeFormat {
  let clock = clocks.get(timeZone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    clocks.set(timeZone, clock);
  }
  return clock;
}

/** True for an IANA time zone that this runtime knows. */
export function isTimeZone(timeZone: string): boolean {
  try {
    clockOf(timeZone);
    return true;
  } catch {
    return false;
  }
}
