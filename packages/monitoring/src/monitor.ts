// What `npm run monitor` runs: Prometheus and Alertmanager beside a running stack, or a check of their files.
import { checkFiles } from './check.ts';
import { MonitorFailure } from './programs.ts';
import { watchStack } from './watch-stack.ts';
import { writeDashboards } from './write-dashboards.ts';

const USAGE = `npm run monitor                   Prometheus and Alertmanager against the running stack
npm run monitor -- --check        check their files and the cases of every alert
npm run monitor -- --dashboards   write Grafana's dashboards from their source`;

async function run(args: readonly string[]): Promise<number> {
  switch (args.join(' ')) {
    case '':
      return watchStack(process.env);
    case '--check':
      return (await checkFiles(process.env)) ? 0 : 1;
    case '--dashboards':
      writeDashboards();
      return 0;
    default:
      console.error(USAGE);
      return 2;
  }
}

try {
  process.exit(await run(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof MonitorFailure)) throw error;
  console.error(error.message);
  process.exit(1);
}
