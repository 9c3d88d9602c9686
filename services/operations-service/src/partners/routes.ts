import { Parameters, type CommandContext } from '@tributary/commissions';
import {
  AppError,
  commonErrors,
  idParams,
  list,
  pageQuery,
  queryBoolean,
  requestContext,
  sendJsonText,
  success,
  type ServiceApp,
} from '@tributary/http-kit';
import { PARTNER_STATUSES, PARTNER_TIERS } from '@tributary/schema';
import { z } from 'zod';
import { applyChange } from '../changes/apply-change.ts';
import { namedFields } from '../changes/named-fields.ts';
import { namingTaken } from '../changes/taken.ts';
import { sendRecord } from '../changes/versioned-answer.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { listPage } from '../lists/list-page.ts';
import type { ListSource } from '../lists/list-source.ts';
import {
  newPartnerBody,
  partnerPatch,
  partnerSchema,
  partnerWire,
  referralCode,
  storedCode,
  type Partner,
} from './partner-schema.ts';
import { createPartner, findCode, findPartner, updatePartner } from './partner-store.ts';
import { generateReferralCode } from './referral-codes.ts';

const PARTNER_LIST = {
  from: 'partners p',
  alias: 'p',
  wire: partnerWire('p', storedCode('p')),
  sorts: { createdAt: { expression: 'p.created_at', type: 'timestamptz' } },
} as const satisfies ListSource<string>;

const partnerQuery = z.strictObject({
  ...pageQuery({ sort: ['createdAt'], defaultSort: '-createdAt' }),
  tier: z.enum(PARTNER_TIERS).optional(),
  status: z.enum(PARTNER_STATUSES).optional(),
  paymentHold: queryBoolean().optional(),
  email: z.string().max(254).optional(),
  externalId: z.string().max(200).optional(),
  referralCode: referralCode.optional(),
});

const TAKEN = {
  partners_email_key: [errors.PARTNER_EMAIL_TAKEN, 'Another partner has this e-mail address'],
  partners_external_id_key: [errors.PARTNER_EXTERNAL_ID_TAKEN, 'Another partner has this external id'],
  referral_codes_code_key: [errors.REFERRAL_CODE_TAKEN, 'Another referral code differs in capitals at most'],
} as const;

/** The problems that a partner's unique fields may cause. */
export const namingTakenFields = <Result>(written: Promise<Result>) => namingTaken(written, TAKEN);

const conflicts = [errors.PARTNER_EMAIL_TAKEN, errors.PARTNER_EXTERNAL_ID_TAKEN, errors.REFERRAL_CODE_TAKEN];

export function registerPartners(app: ServiceApp, deps: OperationsDeps): void {
  registerReads(app, deps);
  registerCreate(app, deps);
  registerUpdate(app, deps);
}

function registerReads(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/partners',
    schema: { querystring: partnerQuery, response: { 200: list(partnerSchema) } },
    config: { operationId: 'listPartners', summary: 'List partners', scope: 'catalog:read' },
    async handler(request, reply) {
      const { page, limit, sort, cursor, count, ...filter } = request.query;
      const query = { page, limit, sort, cursor, count };
      const parameters = new Parameters();
      const conditions = partnerConditions(parameters, request.identity.programId, filter);
      return sendJsonText(
        reply,
        await listPage(deps.reads, PARTNER_LIST, { query, conditions, parameters, filter }),
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/partners/:id',
    schema: { params: idParams, response: { 200: success(partnerSchema) } },
    config: {
      operationId: 'getPartner',
      summary: 'Get a partner',
      scope: 'catalog:read',
      errors: [errors.PARTNER_NOT_FOUND],
    },
    async handler(request, reply) {
      const text = await findPartner(deps.db, request.identity.programId, request.params.id);
      if (text === undefined) throw partnerNotFound(request.params.id);
      return sendRecord(reply, text);
    },
  });
}

type Filter = Omit<z.output<typeof partnerQuery>, 'page' | 'limit' | 'sort' | 'cursor' | 'count'>;

function partnerConditions(parameters: Parameters, programId: string, filter: Filter): string[] {
  const { tier, status, paymentHold, email, externalId, referralCode: code } = filter;
  const program = parameters.add(programId, 'text');
  const conditions = [`p.program_id = ${program}`];
  if (tier !== undefined) conditions.push(`p.tier = '${tier}'`);
  if (status !== undefined) conditions.push(`p.status = '${status}'`);
  if (paymentHold !== undefined) conditions.push(`p.payment_hold = ${paymentHold ? 'TRUE' : 'FALSE'}`);
  if (email !== undefined) conditions.push(`lower(p.email) = lower(${parameters.add(email, 'text')})`);
  if (externalId !== undefined) conditions.push(`p.external_id = ${parameters.add(externalId, 'text')}`);
  if (code !== undefined) {
    conditions.push(`p.id = (SELECT rc.partner_id FROM referral_codes rc
      WHERE rc.program_id = ${program} AND lower(rc.code) = lower(${parameters.add(code, 'text')}))`);
  }
  return conditions;
}

function registerCreate(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/partners',
    schema: { body: newPartnerBody, response: { 201: success(partnerSchema) } },
    config: {
      operationId: 'createPartner',
      summary: 'Create a partner with its referral code, which is generated unless it is named',
      scope: 'catalog:write',
      errors: conflicts,
    },
    async handler(request, reply) {
      const { referralCode: code = generateReferralCode(), ...rest } = request.body;
      const context = requestContext(request, deps.clock());
      const text = await namingTakenFields(createPartner(deps, context, { ...rest, referralCode: code }));
      reply.code(201);
      return sendRecord(reply, text);
    },
  });
}

function registerUpdate(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'PATCH',
    url: '/partners/:id',
    schema: { params: idParams, body: partnerPatch, response: { 200: success(partnerSchema) } },
    config: {
      operationId: 'updatePartner',
      summary: 'Change a partner; another referral code becomes the default, those before stay valid',
      scope: 'catalog:write',
      errors: [errors.PARTNER_NOT_FOUND, commonErrors.VERSION_MISMATCH, ...conflicts],
    },
    async handler(request, reply) {
      const { id } = request.params;
      const context = requestContext(request, deps.clock());
      const text = await applyChange<Partner>(deps.db, request, {
        read: () => getPartner(deps, context.programId, id),
        write: async (before) => {
          const given = namedFields(request.body);
          const code = await codeAfter(deps, context, { before, given: given.referralCode });
          const after = { ...before, ...given, referralCode: code };
          return namingTakenFields(updatePartner(deps, context, { before, after }));
        },
      });
      return sendRecord(reply, text);
    },
  });
}

/** Another spelling of a code it has is the code it has. */
async function codeAfter(
  deps: OperationsDeps,
  context: CommandContext,
  { before, given }: { readonly before: Partner; readonly given: string | undefined },
): Promise<string | null> {
  if (given === undefined || given.toLowerCase() === before.referralCode?.toLowerCase())
    return before.referralCode;
  const known = await findCode(deps.db, context.programId, given);
  if (known === undefined) return given;
  if (known.partnerId === before.id) return known.code;
  throw new AppError(errors.REFERRAL_CODE_TAKEN, 'Another partner has this referral code');
}

async function getPartner(deps: OperationsDeps, programId: string, id: string): Promise<Partner> {
  const text = await findPartner(deps.db, programId, id);
  if (text === undefined) throw partnerNotFound(id);
  return JSON.parse(text) as Partner;
}

export const partnerNotFound = (id: string) =>
  new AppError(errors.PARTNER_NOT_FOUND, `There is no partner ${id}`);
