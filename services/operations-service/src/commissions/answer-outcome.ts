import type { CommissionCommand, CommandOutcome } from '@tributary/commissions';
import {
  AppError,
  commonErrors,
  validationError,
  versionMismatch,
  type ErrorSpec,
} from '@tributary/http-kit';
import { errors } from '../errors.ts';

/** The code of a refusal is the code of its problem. */
type RefusalCode =
  | Extract<CommandOutcome, { outcome: 'refused' }>['code']
  | 'COMMISSION_NOT_PAID'
  | 'CLAWBACK_EXCEEDS_PAID'
  | 'CONVERSION_ENDED'
  | 'REFUND_EXCEEDS_REMAINING';

interface Refusal {
  readonly code: RefusalCode;
  readonly detail: string;
  readonly status: string;
  readonly allowed: readonly string[];
}

/** What the rules turned down: a 409 that names the status it is in and those that would do. */
export function refused({ code, detail, status, allowed }: Refusal): AppError {
  return new AppError(errors[code], detail, { members: { currentStatus: status, allowedStatuses: allowed } });
}

export function invalidField({
  field,
  message,
}: {
  readonly field: string;
  readonly message: string;
}): AppError {
  return validationError([{ path: field, message }]);
}

export function stale({ version }: { readonly version: number }): AppError {
  return versionMismatch(`The record is at version ${version}`);
}

export function contended(): AppError {
  return new AppError(commonErrors.CONCURRENT_CHANGE, 'Others keep changing this; try again');
}

export function commissionNotFound(id: string): AppError {
  return new AppError(errors.COMMISSION_NOT_FOUND, `There is no commission ${id}`);
}

const STATUS_REFUSALS = [
  errors.COMMISSION_ALREADY_CONFIRMED,
  errors.COMMISSION_ALREADY_PAID,
  errors.COMMISSION_ALREADY_CANCELLED,
  errors.COMMISSION_IS_CLAWBACK,
];

/** The problems that an action may answer, for its declaration. */
export const REFUSALS: Readonly<Record<CommissionCommand['action'] | 'clawback', readonly ErrorSpec[]>> = {
  adjust: STATUS_REFUSALS.slice(1),
  cancel: STATUS_REFUSALS.slice(1),
  confirm: STATUS_REFUSALS,
  hold: [...STATUS_REFUSALS, errors.COMMISSION_ALREADY_HELD],
  release: [...STATUS_REFUSALS, errors.COMMISSION_NOT_HELD],
  pay: [
    errors.COMMISSION_NOT_CONFIRMED,
    errors.COMMISSION_ALREADY_PAID,
    errors.COMMISSION_ALREADY_CANCELLED,
    errors.PARTNER_ON_PAYMENT_HOLD,
    errors.PAYMENTS_PAUSED,
  ],
  clawback: [errors.COMMISSION_NOT_PAID, errors.COMMISSION_IS_CLAWBACK, errors.CLAWBACK_EXCEEDS_PAID],
};
