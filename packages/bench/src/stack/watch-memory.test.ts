import t from 'tap';

import { growthPerMinute, sampleProcesses, type Sample } from './watch-memory.ts';

function samplesOf(memoryAt: (seconds: number) => number): Sample[] {
  return Array.from({ length: 60 }, (_, index) => ({
    seconds: index * 10,
    memoryMb: { service: memoryAt(index * 10) },
    cpuSeconds: {},
    machineCpuSeconds: 0,
  }));
}

t.test('growth is what the later samples show, in MB a minute', async (t) => {
  t.equal(
    growthPerMinute(
      samplesOf(() => 100),
      'service',
    ),
    0,
  );
  t.equal(
    growthPerMinute(
      samplesOf((seconds) => 100 + seconds / 30),
      'service',
    ).toFixed(6),
    '2.000000',
  );
  const levelAfterStart = samplesOf((seconds) => Math.min(100, seconds));
  t.equal(growthPerMinute(levelAfterStart, 'service'), 0, 'the first minutes say nothing');
  t.equal(growthPerMinute([], 'service'), 0, 'without samples there is none');
});

t.test('a process is measured with its children, and one that is gone is left out', async (t) => {
  const sample = sampleProcesses({ self: process.pid, parent: process.ppid, gone: 2 ** 22 + 1 }, 5);
  t.equal(sample.seconds, 5);
  if (process.platform !== 'linux') return;
  t.same(Object.keys(sample.memoryMb), ['self', 'parent']);
  t.ok((sample.memoryMb['self'] ?? 0) > 10, 'a Node process has more than ten MB');
  t.ok((sample.memoryMb['parent'] ?? 0) > (sample.memoryMb['self'] ?? 0), 'a parent has what its child has');
});
