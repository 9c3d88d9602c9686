import { Parameters } from '@tributary/commissions';
import { idParams, list, pageQuery, sendJsonText, success, type ServiceApp } from '@tributary/http-kit';
import { z } from 'zod';
import { sendRecord } from '../changes/versioned-answer.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { listPage } from '../lists/list-page.ts';
import { commissionNotFound } from './answer-outcome.ts';
import { commissionDetailSchema, commissionSchema } from './commission-schema.ts';
import { findCommissionDetail } from './detail.ts';
import { filterConditions, filterQuery, resolveFilter } from './filter.ts';
import { COMMISSION_LIST, COMMISSION_SORTS } from './source.ts';

const listQuery = z.strictObject({
  ...pageQuery({ sort: COMMISSION_SORTS, defaultSort: '-createdAt' }),
  ...filterQuery,
});

export function registerCommissionReads(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/operations/commissions',
    schema: { querystring: listQuery, response: { 200: list(commissionSchema) } },
    config: {
      operationId: 'listCommissions',
      summary: 'List commissions; those of the last 30 days unless dates are given',
      description:
        'Sorted by confirmedAt or paidAt, only those are listed that have been confirmed or paid. metadata.decision is part of the detail only.',
      scope: 'operations:read',
    },
    async handler(request, reply) {
      const { page, limit, sort, cursor, count, ...asked } = request.query;
      const { programId } = request.identity;
      const filter = resolveFilter(asked, await deps.settings.reportingClock(programId));
      const parameters = new Parameters();
      const text = await listPage(deps.db, COMMISSION_LIST, {
        query: { page, limit, sort, cursor, count },
        conditions: filterConditions(parameters, programId, filter),
        parameters,
        filter: asked,
      });
      return sendJsonText(reply, text);
    },
  });

  app.route({
    method: 'GET',
    url: '/operations/commissions/:id',
    schema: { params: idParams, response: { 200: success(commissionDetailSchema) } },
    config: {
      operationId: 'getCommission',
      summary: 'Get a commission with partner, product and policy, its decision and its history',
      scope: 'operations:read',
      errors: [errors.COMMISSION_NOT_FOUND],
    },
    async handler(request, reply) {
      const text = await findCommissionDetail(deps.db, request.identity.programId, request.params.id);
      if (text === undefined) throw commissionNotFound(request.params.id);
      return sendRecord(reply, text);
    },
  });
}
