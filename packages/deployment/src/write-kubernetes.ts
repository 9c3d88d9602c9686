// What `npm run kubernetes` runs: writes infra/kubernetes/base and infra/kubernetes/nats from their source.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { kubernetesFiles } from './kubernetes/files.ts';

const folder = resolve(import.meta.dirname, '../../../infra/kubernetes');
for (const [path, text] of kubernetesFiles()) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}
