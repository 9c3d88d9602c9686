import { readBalance } from '@tributary/commissions';
import {
  idParams,
  list,
  requestContext,
  sendJsonText,
  success,
  successText,
  type ServiceApp,
} from '@tributary/http-kit';
import { z } from 'zod';
import { momentOf } from '../commissions/as-of.ts';
import { asOfQuery } from '../commissions/filter.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { pageOfQuery } from '../lists/page-of.ts';
import { balanceSchema } from './balance.ts';
import { referralCode } from './partner-schema.ts';
import { findPartner } from './partner-store.ts';
import {
  addReferralCode,
  generateReferralCode,
  listReferralCodes,
  referralCodeSchema,
} from './referral-codes.ts';
import { namingTakenFields, partnerNotFound } from './routes.ts';

const codeBody = z.strictObject({ code: referralCode.optional() }).nullish();

const balanceQuery = z.strictObject(asOfQuery);

/** A partner's referral codes and what it has earned. */
export function registerPartnerAccounts(app: ServiceApp, deps: OperationsDeps): void {
  registerCodes(app, deps);
  registerBalance(app, deps);
}

function registerCodes(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/partners/:id/referral-codes',
    schema: { params: idParams, querystring: pageOfQuery, response: { 200: list(referralCodeSchema) } },
    config: {
      operationId: 'listReferralCodes',
      summary: "List a partner's referral codes, the default first",
      scope: 'catalog:read',
      errors: [errors.PARTNER_NOT_FOUND],
    },
    async handler(request, reply) {
      const { id } = request.params;
      const text = await listReferralCodes(deps.db, request.identity.programId, { id, ...request.query });
      if (text === undefined) throw partnerNotFound(id);
      return sendJsonText(reply, text);
    },
  });

  app.route({
    method: 'POST',
    url: '/partners/:id/referral-codes',
    schema: { params: idParams, body: codeBody, response: { 201: success(referralCodeSchema) } },
    config: {
      operationId: 'addReferralCode',
      summary: 'Give a partner one more referral code, generated unless it is named',
      scope: 'catalog:write',
      errors: [errors.PARTNER_NOT_FOUND, errors.REFERRAL_CODE_TAKEN],
    },
    async handler(request, reply) {
      const { id } = request.params;
      const code = request.body?.code ?? generateReferralCode();
      const context = requestContext(request, deps.clock());
      const text = await namingTakenFields(addReferralCode(deps, context, { partnerId: id, code }));
      if (text === undefined) throw partnerNotFound(id);
      reply.code(201);
      return sendJsonText(reply, successText(text));
    },
  });
}

function registerBalance(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/partners/:id/balance',
    schema: { params: idParams, querystring: balanceQuery, response: { 200: success(balanceSchema) } },
    config: {
      operationId: 'getPartnerBalance',
      summary: 'What a partner has pending, to be paid and paid, per currency; now or at a past moment',
      scope: 'operations:read',
      errors: [errors.PARTNER_NOT_FOUND],
    },
    async handler(request, reply) {
      const { programId } = request.identity;
      const { id: partnerId } = request.params;
      if ((await findPartner(deps.db, programId, partnerId)) === undefined) throw partnerNotFound(partnerId);
      const asOf = momentOf(request.query.asOf, await deps.settings.reportingClock(programId));
      const currencies = await readBalance(deps.db, programId, { partnerId, asOf });
      const head = JSON.stringify({ partnerId, asOf: asOf ?? deps.clock() });
      return sendJsonText(reply, successText(`${head.slice(0, -1)},"currencies":${currencies}}`));
    },
  });
}
