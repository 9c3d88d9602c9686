import { commissionDataSchema, conversionDataSchema, eventCatalog } from '@tributary/event-catalog';
import {
  ATTRIBUTION_MODELS,
  COMMISSION_KINDS,
  COMMISSION_STATUSES,
  CONVERSION_STATUSES,
  PARTNER_TIERS,
  POLICY_TYPES,
} from '@tributary/schema';
import t from 'tap';

t.test('what the database can hold, events can say', async (t) => {
  const commission = commissionDataSchema.shape;
  const conversion = conversionDataSchema.shape;
  t.strictSame([...commission.after.shape.status.options], [...COMMISSION_STATUSES]);
  t.strictSame([...commission.kind.options], [...COMMISSION_KINDS]);
  t.strictSame([...commission.policyType.unwrap().options], [...POLICY_TYPES]);
  t.strictSame([...conversion.after.shape.status.options], [...CONVERSION_STATUSES]);
  t.strictSame([...conversion.attributionModel.options], [...ATTRIBUTION_MODELS]);
  t.strictSame([...eventCatalog['partner.tier_changed'].dataSchema.shape.tier.options], [...PARTNER_TIERS]);
});
