import type { ItemResult } from '../jobs/declaration.ts';
import type { IsolatedOutcome } from './change-isolated.ts';

/** What is kept of an item: the codes are those of the API's problems. */
export function itemResult(outcome: IsolatedOutcome): ItemResult {
  const failed = (code: string, detail: string): ItemResult => ({
    id: outcome.commissionId,
    success: false,
    code,
    detail,
  });
  switch (outcome.outcome) {
    case 'done':
    case 'repeated':
      return { id: outcome.commissionId, success: true };
    case 'not_found':
      return failed('COMMISSION_NOT_FOUND', 'There is no such commission.');
    case 'refused':
      return failed(outcome.code, outcome.detail);
    case 'invalid':
      return failed('VALIDATION_ERROR', `${outcome.field} ${outcome.message}.`);
    case 'contended':
    case 'locked':
      return failed('CONCURRENT_CHANGE', 'Others kept changing this commission.');
    case 'violates':
      return failed('RULE_VIOLATED', `The change would break the database's rule ${outcome.constraint}.`);
  }
}
