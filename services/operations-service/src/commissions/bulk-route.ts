import type { CommissionFilter } from '@tributary/commissions';
import {
  AppError,
  assertAllowed,
  idField,
  jobSchema,
  money,
  reasonFields,
  requestContext,
  sendJsonText,
  success,
  successText,
  validationError,
  type FieldError,
  type Scope,
  type ServiceApp,
} from '@tributary/http-kit';
import { z } from 'zod';
import { collectingFaults } from '../changes/collect-faults.ts';
import { namingRules } from '../changes/naming-rules.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { queueJob } from '../jobs/queue-job.ts';
import { paymentFields } from './action-routes.ts';
import type { ReportingClock } from './as-of.ts';
import { filterBody, resolveFilter, type AskedFilter } from './filter.ts';

/** Rows of a job's parameters are read whole; larger sets are named by a filter. */
const MAX_IDS = 10_000;

const targets = {
  ids: z.array(idField).min(1).max(MAX_IDS).optional(),
  filter: filterBody.optional(),
  dryRun: z.boolean().default(false),
};

const reasoned = z.strictObject(reasonFields);

const bulkBody = z
  .discriminatedUnion('action', [
    z.strictObject({ action: z.literal('confirm'), params: reasoned, ...targets }),
    z.strictObject({ action: z.literal('cancel'), params: reasoned, ...targets }),
    z.strictObject({
      action: z.literal('adjust'),
      params: z.strictObject({ newAmount: money, ...reasonFields }),
      ...targets,
    }),
    z.strictObject({ action: z.literal('pay'), params: z.strictObject(paymentFields), ...targets }),
  ])
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), {
    path: ['ids'],
    message: 'name the commissions by either ids or filter',
    // Asked of a body with other faults, too, so that all of them are told at once.
    when: ({ value }) => typeof value === 'object' && value !== null,
  });

/** No job does what its caller may not do to a single commission. */
const SCOPE_OF = {
  confirm: 'operations:write',
  cancel: 'operations:write',
  adjust: 'operations:write',
  pay: 'payments:write',
} as const satisfies Record<z.output<typeof bulkBody>['action'], Scope>;

/** @throws 400 that names the fields as they stand in the body */
function resolveWithin(filter: AskedFilter, clock: ReportingClock): CommissionFilter {
  const faults: FieldError[] = [];
  const resolved = collectingFaults(faults, () => resolveFilter(filter, clock));
  if (resolved !== undefined) return resolved;
  throw validationError(faults.map(({ path, message }) => ({ path: `filter.${path}`, message })));
}

const EXAMPLES = [
  {
    action: 'confirm',
    filter: { status: 'pending' },
    params: { reason: 'Checked by the shop' },
    dryRun: true,
  },
  {
    action: 'cancel',
    ids: ['01991c2e-7a51-7c3f-9d64-897f997762ea'],
    params: { reason: 'Ordered by the partner itself', reasonCode: 'policy_violation' },
  },
];

export function registerBulk(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/operations/commissions/bulk',
    schema: { body: bulkBody, response: { 202: success(jobSchema) } },
    config: {
      operationId: 'changeCommissionsInBulk',
      summary:
        'Confirm, cancel, pay or adjust many commissions as a job; a dry run only reports what would happen',
      description:
        'Paying needs the scope payments:write, and every other action operations:write; a dry run needs the same. A filter means what stood there at the moment of the request, whatever ' +
        'end it names; nothing is paid that was confirmed later.',
      scope: ['operations:write', 'payments:write'],
      errors: [errors.PAYMENTS_PAUSED],
      bodyExamples: EXAMPLES,
    },
    errorHandler: namingRules(
      z.object({ filter: filterBody.optional() }),
      async ({ filter }, { request }) => {
        const faults: FieldError[] = [];
        const clock = await deps.settings.reportingClock(request.identity.programId);
        if (filter !== undefined) collectingFaults(faults, () => resolveWithin(filter, clock));
        return faults;
      },
    ),
    async handler(request, reply) {
      const { filter, ids, ...rest } = request.body;
      const context = requestContext(request, deps.clock());
      assertAllowed({ scope: SCOPE_OF[rest.action] }, request.identity);
      if (rest.action === 'pay') {
        const { pausePayments } = await deps.settings.current(context.programId);
        if (pausePayments) throw new AppError(errors.PAYMENTS_PAUSED, 'The setting pausePayments is on');
      }
      const clock = await deps.settings.reportingClock(context.programId);
      const chosen =
        filter === undefined ? { ids: [...new Set(ids)].sort() } : { filter: resolveWithin(filter, clock) };
      const job = await queueJob(deps, context, {
        name: 'bulk-commissions',
        parameters: { ...rest, ...chosen },
      });
      reply.code(202);
      return sendJsonText(reply, successText(job));
    },
  });
}
