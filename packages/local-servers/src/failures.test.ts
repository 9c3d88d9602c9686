import t from 'tap';

import { explainFailure } from './failures.ts';

const server = { name: 'Postgres', port: 5432, dataDir: '/' };

t.test('what a server said before it died becomes one sentence that tells what to do', (t) => {
  const said: [string, string, RegExp][] = [
    [
      'port_taken',
      'LOG: could not bind IPv4 address "127.0.0.1": Address already in use',
      /^Port 5432 .* choose another/,
    ],
    [
      'disk_full',
      'FATAL: could not write to file "x": No space left on device',
      /is full.*: free some space/,
    ],
    [
      'disk_full',
      'LOG:  starting\nPANIC:  could not write to file "pg_wal/xlogtemp.31": No space left on device',
      /is full.*: free some space/,
    ],
    [
      'disk_full',
      'PANIC:  could not write to file "pg_logical/replorigin_checkpoint.tmp": Disk quota exceeded',
      /is full.*: free some space/,
    ],
    [
      'disk_full',
      'PANIC:  could not extend file "base/1/2": wrote only 4096 of 8192 bytes at block 7\nHINT:  Check free disk space.',
      /is full.*: free some space/,
    ],
    [
      'missing_tool',
      'error while loading shared libraries: libatomic.so.1: cannot open',
      /libatomic\.so\.1: install/,
    ],
    ['data_in_use', 'FATAL:  lock file "postmaster.pid" already exists', /in use by another Postgres/],
    ['no_permission', 'mkdir: Permission denied', /run as the user who owns/],
    ['data_damaged', 'PANIC:  could not locate a valid checkpoint record', /damaged .* restore a copy/],
    [
      'failed',
      'LOG: hello\nFATAL: no such setting "x"\nLOG: bye',
      /did not start \(FATAL: no such setting "x"\)/,
    ],
    ['failed', '', /it wrote nothing/],
  ];
  for (const [failure, output, message] of said) {
    t.match(explainFailure(server, output), { failure, message }, failure);
  }
  t.end();
});
