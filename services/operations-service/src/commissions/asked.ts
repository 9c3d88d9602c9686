import type { CommissionFilter } from '@tributary/commissions';
import { pageQuery, validationError, type FieldError } from '@tributary/http-kit';
import { z } from 'zod';
import { collectingFaults } from '../changes/collect-faults.ts';
import { namingRules } from '../changes/naming-rules.ts';
import type { OperationsDeps } from '../deps.ts';
import { momentOf, pastMoment, type AskedMoment, type ReportingClock } from './as-of.ts';
import { asOfQuery, attentionQuery, filterQuery, resolveFilter, type AskedFilter } from './filter.ts';
import { COMMISSION_SORTS } from './source.ts';

/** What a list or an export of commissions is asked for. */
type Asked = AskedMoment & AskedFilter;

interface Resolved {
  /** Undefined for now. */
  readonly moment: Date | undefined;
  readonly filter: CommissionFilter;
}

/** @throws 400 that names every field against the rules */
export function resolveAsked({ asOf, attention, sort, ...asked }: Asked, clock: ReportingClock): Resolved {
  const faults: FieldError[] = [];
  const moment = collectingFaults(faults, () => pastMoment({ asOf, attention, sort }, clock));
  const filter = collectingFaults(faults, () =>
    resolveFilter(asked, { ...clock, now: momentOf(asOf, clock) ?? clock.now }),
  );
  if (filter === undefined || faults.length > 0) throw validationError(faults);
  return { moment, filter };
}

const { sort } = pageQuery({ sort: COMMISSION_SORTS, defaultSort: '-createdAt' });
const askedFields = z.object({ sort, ...filterQuery, ...asOfQuery, ...attentionQuery });

/** The error handler of a list or an export: see `namingRules`. */
export function namingRulesOfAsked({ settings }: Pick<OperationsDeps, 'settings'>) {
  return namingRules(
    askedFields,
    async (given, { request, wrong }) => {
      const faults: FieldError[] = [];
      const clock = await settings.reportingClock(request.identity.programId);
      // The other end of a range is not held against one that is wrong.
      const isOpen = ['dateFrom', 'dateTo', 'asOf'].some((field) => wrong.has(field));
      const range = isOpen ? { dateFrom: undefined, dateTo: undefined } : {};
      collectingFaults(faults, () => resolveAsked({ ...given, ...range }, clock));
      return faults;
    },
    'querystring',
  );
}
