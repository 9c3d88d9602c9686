import { Readable } from 'node:stream';
import { pageQuery, type ServiceApp } from '@tributary/http-kit';
import { z } from 'zod';
import type { OperationsDeps } from '../deps.ts';
import { namingRulesOfAsked, resolveAsked } from './asked.ts';
import { exportLines, HEADER_LINE } from './export.ts';
import { asOfQuery, filterQuery } from './filter.ts';
import { COMMISSION_SORTS } from './source.ts';

/** A stream for the handler, text for whoever reads the answer. */
const csvText = z.unknown().meta({ type: 'string', description: 'CSV (RFC 4180) with a header' });

const { sort, cursor } = pageQuery({ sort: COMMISSION_SORTS, defaultSort: '-createdAt' });

export function registerExport(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/operations/commissions.csv',
    schema: {
      querystring: z.strictObject({ sort, cursor, ...filterQuery, ...asOfQuery }),
      response: { 200: csvText },
    },
    config: {
      operationId: 'exportCommissions',
      summary: 'Download the commissions of a filter as CSV, of any size',
      description:
        'An interrupted download goes on with cursor=<id of the last complete row>. Cells that a spreadsheet would take for a formula begin with an apostrophe.',
      scope: 'operations:read',
      contentTypes: { 200: 'text/csv' },
      textExamples: { 'text/csv': HEADER_LINE },
    },
    errorHandler: namingRulesOfAsked(deps),
    async handler(request, reply) {
      const { sort, cursor, ...asked } = request.query;
      const { programId } = request.identity;
      const clock = await deps.settings.reportingClock(programId);
      const { moment, filter } = resolveAsked({ ...asked, sort }, clock);
      const lines = exportLines(deps.reads, { programId, filter, sort, cursor, asked, moment });
      // Read before the head is sent, so that a wrong cursor is an answer and not a broken download.
      const header = await lines.next();
      reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', 'attachment; filename="commissions.csv"');
      return reply.send(Readable.from(continued(header, lines), { objectMode: true, highWaterMark: 1 }));
    },
  });
}

async function* continued(
  first: IteratorResult<string, void>,
  rest: AsyncGenerator<string, void>,
): AsyncGenerator<string, void> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
