export * from './catalog.ts';
export * from './commissions.ts';
export * from './events.ts';
export * from './identity.ts';
export * from './jobs.ts';
export * from './rollups.ts';
export * from './tracking.ts';
export * from './webhooks.ts';
