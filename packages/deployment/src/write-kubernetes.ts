// What `npm run kubernetes` runs: writes infra/kubernetes/base from its source.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { baseFiles } from './kubernetes/files.ts';

const folder = resolve(import.meta.dirname, '../../../infra/kubernetes/base');
mkdirSync(folder, { recursive: true });
for (const [name, text] of baseFiles()) writeFileSync(join(folder, name), text);
