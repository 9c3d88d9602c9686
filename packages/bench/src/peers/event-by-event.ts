import { createServer } from 'node:http';

import { connectMessaging, defineConsumer, runConsumer } from '@tributary/messaging';
import { createLogger, createMetrics } from '@tributary/runtime';
import { connect } from '@tributary/schema';
import postgres from 'postgres';

/** What most teams would write: a transaction per event that notes it and adds it to the counters it belongs to. */
const url = process.env['DATABASE_URL'] ?? '';
const sql = postgres(url, { max: 8, onnotice: () => undefined });
const logger = createLogger({ service: 'bench-peer', level: 'warn' });
const messaging = connectMessaging({
  url: process.env['NATS_URL'] ?? '',
  name: 'bench-peer',
  logger,
  metrics: createMetrics({ service: 'bench-peer' }),
});

await sql`CREATE TABLE IF NOT EXISTS bench_seen (event_id uuid PRIMARY KEY)`;
await sql`CREATE TABLE IF NOT EXISTS bench_counters (kind text, id uuid, at timestamptz, commissions int NOT NULL, amount numeric NOT NULL,
  PRIMARY KEY (kind, id, at))`;

const definition = defineConsumer({
  name: 'bench-event-by-event',
  types: ['commission.created'],
  handler: async ({ id, data, requestId }) => {
    // Of what it is compared with it takes nothing but the time to look.
    if (requestId !== 'peer') return;
    await sql.begin(async (tx) => {
      const seen = await tx`INSERT INTO bench_seen VALUES (${id}) ON CONFLICT DO NOTHING RETURNING 1`;
      if (seen.length === 0) return;
      const { createdAt, after } = data;
      const counters = [
        ['partner hour', data.partnerId, 'hour'],
        ['partner day', data.partnerId, 'day'],
        ['policy hour', data.policyId, 'hour'],
      ] as const;
      for (const [kind, of, grain] of counters) {
        await tx`INSERT INTO bench_counters AS c VALUES (${kind}, ${of}, date_trunc(${grain}, ${createdAt}::timestamptz), 1, ${after.commissionAmount})
          ON CONFLICT (kind, id, at) DO UPDATE SET commissions = c.commissions + 1, amount = c.amount + excluded.amount`;
      }
    });
  },
});
runConsumer({ messaging, db: connect({ url, applicationName: 'bench-peer' }) }, definition);

createServer((_request, response) => {
  void sql`SELECT coalesce(sum(commissions), 0)::int AS counted FROM bench_counters WHERE kind = 'partner hour'`.then(
    ([row]) => response.end(JSON.stringify(row)),
    () => response.writeHead(503).end(),
  );
}).listen(Number(process.env['PORT']), '127.0.0.1');
