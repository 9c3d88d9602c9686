import type { KnownCode } from '@tributary/commissions';
import type { EventEnvelope } from '@tributary/event-catalog';
import type { Logger } from '@tributary/runtime';
import { DatabaseUnavailableError } from '@tributary/schema';
import type { Catalog } from '../catalog/catalog.ts';
import {
  assignClick,
  observeClick,
  type ObserveDeps,
  type ObservedClick,
  type RawClick,
} from '../clicks/record-click.ts';
import type { ClickWriter } from '../clicks/click-writer.ts';
import { spilledClick } from './spill.ts';

export interface LinkDeps extends ObserveDeps {
  readonly catalog: Pick<Catalog, 'findCode'>;
  readonly clicks: ClickWriter;
  /** Keeps a click while Postgres is away; rejects when it cannot. */
  readonly spill: (event: EventEnvelope<'click.spilled'>) => Promise<void>;
  readonly logger: Logger;
  readonly onOutcome: (outcome: 'stored' | 'spilled' | 'lost') => void;
  /** How long the visitor is kept waiting for our books. */
  readonly waitMs: number;
}

export type FollowedLink =
  | {
      readonly outcome: 'counted';
      readonly clickId: string;
      readonly code: string;
      readonly settled: Promise<void>;
    }
  | { readonly outcome: 'unknown_code' };

/** As the table demands it: what looks otherwise is nobody's code, and need not be looked up. */
const REFERRAL_CODE = /^[A-Za-z0-9_-]{4,20}$/;

type LookUp = { readonly found: 'yes'; readonly known: KnownCode } | { readonly found: 'no' | 'unknown' };

/**
 * Records a click on a link. Answers after a short time at the latest, whatever Postgres does: `settled` tells when the
 * click is kept for good, and never rejects.
 */
export async function followLink(deps: LinkDeps, raw: RawClick, requestId: string): Promise<FollowedLink> {
  if (!REFERRAL_CODE.test(raw.referralCode)) return { outcome: 'unknown_code' };
  const lookUp = await withinTime(lookUpCode(deps, raw), deps.waitMs, { found: 'unknown' as const });
  if (lookUp.found === 'no') return { outcome: 'unknown_code' };
  const observed = observeClick(deps, raw);
  const known = lookUp.found === 'yes' ? lookUp.known : undefined;
  const settled = keepClick(deps, observed, known, requestId);
  await withinTime(settled, deps.waitMs, undefined);
  return { outcome: 'counted', clickId: observed.id, code: known?.code ?? raw.referralCode, settled };
}

async function lookUpCode({ catalog }: LinkDeps, raw: RawClick): Promise<LookUp> {
  try {
    const known = await catalog.findCode(raw.programId, raw.referralCode);
    return known === undefined ? { found: 'no' } : { found: 'yes', known };
  } catch {
    // Postgres is away: whose link this is will be seen when the click is stored.
    return { found: 'unknown' };
  }
}

async function keepClick(
  deps: LinkDeps,
  observed: ObservedClick,
  known: KnownCode | undefined,
  requestId: string,
): Promise<void> {
  try {
    if (known === undefined) throw new DatabaseUnavailableError('The code could not be looked up.');
    await deps.clicks.store(assignClick(observed, known));
    deps.onOutcome('stored');
  } catch (err) {
    deps.logger.warn({ err, requestId }, 'a click could not be stored and is spilled');
    await spillClick(deps, observed, known, requestId);
  }
}

async function spillClick(
  deps: LinkDeps,
  observed: ObservedClick,
  known: KnownCode | undefined,
  requestId: string,
): Promise<void> {
  try {
    await deps.spill(spilledClick(observed, known, requestId));
    deps.onOutcome('spilled');
  } catch (err) {
    deps.onOutcome('lost');
    deps.logger.error({ err, requestId }, 'a click is lost: neither Postgres nor NATS took it');
  }
}

async function withinTime<T, Late>(work: Promise<T>, ms: number, late: Late): Promise<T | Late> {
  const { promise, resolve } = Promise.withResolvers<Late>();
  const timer = setTimeout(() => resolve(late), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
