import { PROJECT_HOME } from '@tributary/testkit';

import { ensureServerBinaries, startNats, startPostgres, startRedis } from '../src/index.ts';

// Stands for a launcher that is about to be killed: starts the servers in the folder given and tells their pids.
const folder = process.argv[2] ?? '';
const binaries = await ensureServerBinaries({ home: PROJECT_HOME });
const servers = await Promise.all([
  startPostgres({ binaries, dataDir: `${folder}/postgres`, durable: true }),
  startNats({ binaries, dataDir: `${folder}/nats` }),
  startRedis({ binaries, dataDir: `${folder}/redis` }),
]);
console.log(JSON.stringify(servers.map(({ pid, port }) => ({ pid, port }))));
