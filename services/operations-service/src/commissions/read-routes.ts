import { attentionConditions, filterConditions, Parameters } from '@tributary/commissions';
import {
  commissionSchema,
  idParams,
  list,
  pageQuery,
  sendJsonText,
  success,
  type ServiceApp,
} from '@tributary/http-kit';
import { z } from 'zod';
import { sendRecord } from '../changes/versioned-answer.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { listPage } from '../lists/list-page.ts';
import { RowMemory } from '../lists/row-memory.ts';
import { commissionsAsOf } from './as-of.ts';
import { namingRulesOfAsked, resolveAsked } from './asked.ts';
import { commissionNotFound } from './answer-outcome.ts';
import { commissionDetailSchema } from './detail-schema.ts';
import { findCommissionDetail } from './detail.ts';
import { asOfQuery, attentionQuery, filterQuery } from './filter.ts';
import { COMMISSION_SORTS } from './source.ts';

const listQuery = z.strictObject({
  ...pageQuery({ sort: COMMISSION_SORTS, defaultSort: '-createdAt' }),
  ...filterQuery,
  ...asOfQuery,
  ...attentionQuery,
});

/** Rows remembered per programme; about a kilobyte each. */
const REMEMBERED_ROWS = 5_000;

export function registerCommissionReads(app: ServiceApp, deps: OperationsDeps): void {
  const memories = new Map<string, RowMemory>();
  const memoryOf = (programId: string): RowMemory => {
    const known = memories.get(programId) ?? new RowMemory(REMEMBERED_ROWS);
    memories.set(programId, known);
    return known;
  };
  app.route({
    method: 'GET',
    url: '/operations/commissions',
    schema: { querystring: listQuery, response: { 200: list(commissionSchema) } },
    config: {
      operationId: 'listCommissions',
      summary:
        'List commissions; those of the last 30 days unless dates are given; as they are or, with asOf, as they were',
      description:
        'Sorted by confirmedAt or paidAt, only those are listed that have been confirmed or paid. metadata.decision is part of the detail only.',
      scope: 'operations:read',
    },
    errorHandler: namingRulesOfAsked(deps),
    async handler(request, reply) {
      const { page, limit, sort, cursor, count, ...asked } = request.query;
      const { attention } = asked;
      const { programId } = request.identity;
      const clock = await deps.settings.reportingClock(programId);
      const { moment, filter } = resolveAsked({ ...asked, sort }, clock);
      const parameters = new Parameters();
      const { source, conditions, filterColumns } = commissionsAsOf(parameters, moment, { ...filter, sort });
      const text = await listPage(deps.reads, source, {
        query: { page, limit, sort, cursor, count },
        conditions: [
          ...filterConditions(parameters, programId, filter, filterColumns),
          ...attentionConditions(attention),
          ...conditions,
        ],
        parameters,
        filter: asked,
        memory: source.revision === undefined ? undefined : memoryOf(programId),
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
      summary:
        'Get a commission with partner, product and policy, its decision, its history and its claw-backs',
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
