import type { CommandContext } from '@tributary/commissions';
import {
  AppError,
  commonErrors,
  idParams,
  requestContext,
  success,
  validationError,
  type ServiceApp,
} from '@tributary/http-kit';
import { applyChange } from '../changes/apply-change.ts';
import { namingRules } from '../changes/naming-rules.ts';
import { namingTaken } from '../changes/taken.ts';
import { sendRecord } from '../changes/versioned-answer.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { countEarlierUses } from './earlier-uses.ts';
import { faultsOf, faultsOfRefused, faultsOfRefusedChange } from './faults.ts';
import { defaultTerms, mergeTerms } from './merge-terms.ts';
import {
  newPolicyBody,
  policyFields,
  policyPatch,
  policySchema,
  type Policy,
  type Terms,
} from './policy-schema.ts';
import { createPolicy, findPolicy, updatePolicy } from './policy-store.ts';
import { isLimited, settledBefore, type EarlierUses } from './usage.ts';

const TAKEN = {
  commission_policies_code_key: [errors.POLICY_CODE_TAKEN, 'Another policy has this code'],
} as const;

export function registerPolicyWrites(app: ServiceApp, deps: OperationsDeps): void {
  registerCreate(app, deps);
  registerUpdate(app, deps);
}

function registerCreate(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/policies',
    schema: { body: newPolicyBody, response: { 201: success(policySchema) } },
    config: {
      operationId: 'createPolicy',
      summary: 'Create a policy; amounts are in its currency, by default that of the programme',
      scope: 'catalog:write',
      errors: [errors.POLICY_CODE_TAKEN],
      bodyExamples: [
        { code: 'STANDARD', name: 'Standard commission', type: 'percentage', rate: 6, stackable: true },
        { code: 'WELCOME', name: 'New customers', type: 'fixed', amount: 12, requiresNewCustomer: true },
      ],
    },
    errorHandler: namingRules(newPolicyBody.partial(), (given, refused) =>
      faultsOfRefused(deps, given, refused),
    ),
    async handler(request, reply) {
      const context = requestContext(request, deps.clock());
      const { code, name, description = null, status = 'active', priority = 0, ...given } = request.body;
      const { currency, defaultHoldDays } = await deps.settings.current(context.programId);
      const terms = mergeTerms(defaultTerms(given.type, defaultHoldDays), given, currency);
      await assertTerms(deps, context.programId, terms);
      const policy = { code, name, description, status, priority, ...terms };
      const text = await namingTaken(createPolicy(deps, context, policy), TAKEN);
      reply.code(201);
      return sendRecord(reply, text);
    },
  });
}

function registerUpdate(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'PATCH',
    url: '/policies/:id',
    schema: { params: idParams, body: policyPatch, response: { 200: success(policySchema) } },
    config: {
      operationId: 'updatePolicy',
      summary: 'Change a policy; other terms become its next version, which commissions name from then on',
      scope: 'catalog:write',
      errors: [errors.POLICY_NOT_FOUND, commonErrors.VERSION_MISMATCH],
      bodyExamples: [{ rate: 7, validFrom: '2026-04-01T00:00:00Z' }],
    },
    errorHandler: namingRules(policyFields, (given, refused) =>
      faultsOfRefusedChange(deps, idParams.parse(refused.request.params).id, given, refused),
    ),
    async handler(request, reply) {
      const context = requestContext(request, deps.clock());
      const { programId } = context;
      const { currency } = await deps.settings.current(programId);
      let earlier: EarlierUses | undefined;
      const text = await applyChange<Policy>(deps.db, request, {
        read: () => getPolicy(deps, programId, request.params.id),
        write: async (before) => {
          const after = changed(before, request.body, currency);
          await assertTerms(deps, programId, after);
          const firstLimit = isLimited(after) && !isLimited(before);
          if (firstLimit) earlier ??= await earlierUses(deps, context, before.id);
          return updatePolicy(deps, context, { before, after, earlier: firstLimit ? earlier : undefined });
        },
      });
      return sendRecord(reply, text);
    },
  });
}

type Given = Parameters<typeof mergeTerms>[1] & {
  readonly [Field in 'name' | 'description' | 'status' | 'priority']?: Policy[Field] | undefined;
};

function changed(before: Policy, given: Given, programCurrency: string): Policy {
  const { name = before.name, description = before.description } = given;
  const { status = before.status, priority = before.priority } = given;
  return { ...before, ...mergeTerms(before, given, programCurrency), name, description, status, priority };
}

async function earlierUses(
  deps: OperationsDeps,
  { programId, now }: CommandContext,
  policyId: string,
): Promise<EarlierUses> {
  const since = settledBefore(now);
  return { since, uses: await countEarlierUses(deps.db, programId, { policyId, before: since }) };
}

async function assertTerms(deps: OperationsDeps, programId: string, terms: Terms): Promise<void> {
  const faults = await faultsOf(deps, programId, terms);
  if (faults.length > 0) throw validationError(faults);
}

async function getPolicy(deps: OperationsDeps, programId: string, id: string): Promise<Policy> {
  const text = await findPolicy(deps.db, programId, id);
  if (text === undefined) throw new AppError(errors.POLICY_NOT_FOUND, `There is no policy ${id}`);
  return JSON.parse(text) as Policy;
}
