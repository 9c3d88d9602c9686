import t from 'tap';

import { samplesIn } from './exposition.ts';
import { workOf } from './work.ts';

const NAMES = new Set([
  'workers_running',
  'process_start_time_seconds',
  'events_consumed_total',
  'event_retries_total',
  'dead_letters_total',
  'job_runs_total',
]);

const EXPOSED = `# HELP workers_running Whether consumers and jobs of this process run
# TYPE workers_running gauge
workers_running{release="v2",service="batch-scheduler"} 1
process_start_time_seconds{service="batch-scheduler"} 1763866800
events_consumed_total{type="commission.created",consumer="a",service="batch-scheduler"} 5
events_consumed_total{type="commission.paid",consumer="b",service="batch-scheduler"} 6
event_retries_total{consumer="a",service="batch-scheduler"} 2
dead_letters_total{consumer="b",service="batch-scheduler"} 1
job_runs_total{job="confirm",outcome="succeeded",service="batch-scheduler"} 3
job_runs_total{job="confirm",outcome="failed",service="batch-scheduler"} 4
job_runs_total{job="confirm",outcome="handed_back",service="batch-scheduler"} 1
http_requests_total{method="GET",service="batch-scheduler"} 100
`;

t.test('what consumers and jobs did is added up over types, consumers and jobs', async (t) => {
  t.same(workOf(samplesIn(EXPOSED, NAMES)), {
    release: 'v2',
    isRunning: true,
    startedAt: 1_763_866_800,
    done: 14,
    failed: 8,
  });
});

t.test('a process that says nothing of workers has no release', async (t) => {
  t.match(workOf([]), { release: undefined, isRunning: false, startedAt: undefined, done: 0, failed: 0 });
});
