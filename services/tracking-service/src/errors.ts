import { defineErrors } from '@tributary/http-kit';

/** What the tracking service answers besides the common problems. */
export const errors = defineErrors({
  REFERRAL_CODE_NOT_FOUND: { status: 404, title: 'Referral code not found' },
  CLICK_NOT_FOUND: { status: 404, title: 'Click not found' },
  CONVERSION_NOT_FOUND: { status: 404, title: 'Conversion not found' },
  JOB_NOT_FOUND: { status: 404, title: 'Job not found' },
  CONVERSION_CONTRADICTED: { status: 409, title: 'The order was recorded with other figures' },
  CONVERSION_NOT_PENDING: { status: 409, title: 'The conversion is not pending' },
  CONVERSION_ENDED: { status: 409, title: 'The conversion was cancelled or refunded' },
  COMMISSION_ALREADY_PAID: { status: 409, title: 'A commission of the conversion is paid' },
  REFUND_EXCEEDS_REMAINING: { status: 409, title: 'The refund is beyond what is left of the line' },
  REFUND_ID_REUSED: { status: 409, title: 'The refund id was used for another refund' },
});
