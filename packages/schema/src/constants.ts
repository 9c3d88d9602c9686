/** The one programme that exists; the key by which tenants and sharding can come later. */
export const DEFAULT_PROGRAM = 'default';

export const PARTNER_TIERS = ['bronze', 'silver', 'gold', 'platinum'] as const;
export type PartnerTier = (typeof PARTNER_TIERS)[number];

export const PARTNER_STATUSES = ['active', 'suspended'] as const;
export type PartnerStatus = (typeof PARTNER_STATUSES)[number];

export const USER_ROLES = ['super_admin', 'admin', 'finance', 'viewer', 'partner'] as const;
export type UserRole = (typeof USER_ROLES)[number];

export const ACCOUNT_STATUSES = ['active', 'disabled'] as const;
export type AccountStatus = (typeof ACCOUNT_STATUSES)[number];

export const CATALOG_STATUSES = ['active', 'inactive'] as const;
export type CatalogStatus = (typeof CATALOG_STATUSES)[number];

export const POLICY_TYPES = ['percentage', 'fixed', 'tiered'] as const;
export type PolicyType = (typeof POLICY_TYPES)[number];

export const POLICY_STATUSES = ['active', 'inactive', 'scheduled', 'expired'] as const;
export type PolicyStatus = (typeof POLICY_STATUSES)[number];

export const CLICK_STATUSES = ['valid', 'duplicate', 'bot', 'internal', 'rate_limited', 'invalid'] as const;
export type ClickStatus = (typeof CLICK_STATUSES)[number];

export const CLICK_SOURCES = ['web', 'mobile', 'app', 'email', 'social', 'unknown'] as const;
export type ClickSource = (typeof CLICK_SOURCES)[number];

export const ATTRIBUTION_MODELS = [
  'last_touch',
  'first_touch',
  'linear',
  'time_decay',
  'position_based',
] as const;
export type AttributionModel = (typeof ATTRIBUTION_MODELS)[number];

export const CONVERSION_STATUSES = [
  'pending',
  'confirmed',
  'partial_refund',
  'refunded',
  'cancelled',
] as const;
export type ConversionStatus = (typeof CONVERSION_STATUSES)[number];

export const COMMISSION_KINDS = ['earning', 'clawback', 'bonus'] as const;
export type CommissionKind = (typeof COMMISSION_KINDS)[number];

export const COMMISSION_STATUSES = ['pending', 'confirmed', 'paid', 'cancelled'] as const;
export type CommissionStatus = (typeof COMMISSION_STATUSES)[number];

/** Audit actions on commissions: the past participles of the lifecycle's table. */
export const COMMISSION_ACTIONS = [
  'created',
  'confirmed',
  'adjusted',
  'held',
  'released',
  'refunded',
  'cancelled',
  'paid',
  'clawed_back',
] as const;
export type CommissionAction = (typeof COMMISSION_ACTIONS)[number];

export const REASON_CODES = [
  'order_returned',
  'order_cancelled',
  'fraud',
  'policy_violation',
  'duplicate',
  'tracking_error',
  'negotiated',
  'goodwill',
  'other',
] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

export const PAYOUT_STATUSES = ['open', 'paid', 'cancelled'] as const;

export const ENDPOINT_STATUSES = ['enabled', 'disabled', 'auto_disabled'] as const;
export type EndpointStatus = (typeof ENDPOINT_STATUSES)[number];

export const CIRCUIT_STATES = ['closed', 'open', 'half_open'] as const;
export type CircuitState = (typeof CIRCUIT_STATES)[number];

export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

export const JOB_TRIGGERS = ['schedule', 'manual', 'catch_up', 'api'] as const;
export type JobTrigger = (typeof JOB_TRIGGERS)[number];

export const JOB_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export const RELEASES = ['stable', 'canary'] as const;
export type Release = (typeof RELEASES)[number];
