import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import t from 'tap';

const ROOT = join(import.meta.dirname, '../../..');
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  ...globSync('{docs,packages/*/docs,services/*/docs}/*.md', { cwd: ROOT }),
];
const LINK = /\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g;
const PATH_IN_WORDS = /`((?:packages|services)\/[\w./-]*)`/g;

function mentioned(document: string, pattern: RegExp): string[] {
  return [...readFileSync(join(ROOT, document), 'utf8').matchAll(pattern)].map(([, target = '']) => target);
}

t.test('every link in the documents leads somewhere', async (t) => {
  for (const document of DOCUMENTS) {
    const broken = mentioned(document, LINK).filter(
      (link) => !existsSync(join(ROOT, dirname(document), link)),
    );
    t.same(broken, [], document);
  }
});

t.test('every path that the contributor is told of exists', async (t) => {
  for (const document of ['README.md', 'CONTRIBUTING.md', 'docs/architecture.md']) {
    const missing = mentioned(document, PATH_IN_WORDS).filter((path) => !existsSync(join(ROOT, path)));
    t.same(missing, [], document);
  }
});

t.test('the index of decisions names those of every part', async (t) => {
  const parts = globSync('{packages,services}/*/docs/decisions.md', { cwd: ROOT });
  const named = mentioned('docs/decisions.md', LINK);
  t.ok(parts.length > 10);
  t.same(
    parts.filter((part) => !named.includes(`../${part}`)),
    [],
  );
});
