import type { RowDeclaration } from '../row.ts';
import { adjustRow } from './adjust.ts';
import { batchRow } from './batch.ts';
import { clickRow } from './click.ts';
import { dashboardRows } from './dashboards.ts';
import { eventLatencyRow, eventThroughputRow } from './event.ts';
import { gatewayHopRow } from './gateway-hop.ts';
import { importRow } from './import.ts';
import { listRow } from './list.ts';
import { webhookDeliveriesRow } from './webhook-deliveries.ts';
import { webhookLatencyRow } from './webhook-latency.ts';

/** Every row of the bench, in the order of the table. */
export const ROWS: readonly RowDeclaration[] = [
  gatewayHopRow,
  listRow,
  adjustRow,
  batchRow,
  importRow,
  clickRow,
  webhookDeliveriesRow,
  webhookLatencyRow,
  ...dashboardRows,
  eventThroughputRow,
  eventLatencyRow,
];
