import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@tributary/testkit';
import t from 'tap';
import { createBufferedOutput } from './buffered-output.ts';

const LINE_BYTES = 1_000;
/** More than a pipe holds before somebody reads. */
const MORE_THAN_FITS = 200;

const numbered = (n: number) => `${String(n).padEnd(LINE_BYTES - 1, '.')}\n`;

/** A pipe whose writer is told EAGAIN when it is full, as a disk says ENOSPC until there is room again. */
function openPipe(t: { teardown(release: () => unknown): void }) {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-output-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  execFileSync('/usr/bin/env', ['mkfifo', join(folder, 'pipe')]);
  const fd = openSync(join(folder, 'pipe'), constants.O_RDWR | constants.O_NONBLOCK);
  t.teardown(() => closeSync(fd));
  const read = () => {
    const chunk = Buffer.alloc(MORE_THAN_FITS * LINE_BYTES);
    let length = 0;
    try {
      for (;;) length += readSync(fd, chunk, length, chunk.length - length, null);
    } catch {
      // Empty for now.
    }
    return chunk.toString('utf8', 0, length);
  };
  return { fd, read };
}

const describeLoss = (lines: number, code: string) => `lost ${lines} by ${code}\n`;

await t.test('lines are written in portions, the rest soon or when asked for', async (t) => {
  const { fd, read } = openPipe(t);
  const output = createBufferedOutput({ fd, describeLoss });
  for (let n = 1; n <= 4; n += 1) output.write(numbered(n));
  t.equal(read(), '', 'too little for a portion');
  output.write(numbered(5));
  t.equal(read(), [1, 2, 3, 4, 5].map(numbered).join(''));
  output.write('soon\n');
  let seen = '';
  await waitFor(() => (seen += read()) !== '');
  t.equal(seen, 'soon\n');
  output.write('now, ä\n');
  output.flushSync();
  t.equal(read(), 'now, ä\n');
});

await t.test('what could not be written is counted, and told of once writing works again', (t) => {
  const { fd, read } = openPipe(t);
  let waitedMs = 0;
  const output = createBufferedOutput({ fd, describeLoss, pause: (ms) => void (waitedMs += ms) });
  for (let n = 1; n <= MORE_THAN_FITS; n += 1) output.write(numbered(n));
  output.flushSync();
  t.equal(waitedMs, 500, 'a reader that is behind is waited for once, not at each portion');
  const taken = read();
  const whole = taken.split('\n').length - 1;
  t.ok(whole > 0 && whole < MORE_THAN_FITS, `${whole} lines fitted`);
  t.equal(
    taken.slice(0, whole * LINE_BYTES),
    Array.from({ length: whole }, (_, at) => numbered(at + 1)).join(''),
  );

  output.write('after\n');
  output.write('more\n');
  output.flushSync();
  const cut = taken.endsWith('\n') ? '' : '\n';
  t.equal(read(), `${cut}lost ${MORE_THAN_FITS - whole} by EAGAIN\nafter\nmore\n`);
  output.write('and on\n');
  output.flushSync();
  t.equal(read(), 'and on\n', 'told once');
  t.end();
});
