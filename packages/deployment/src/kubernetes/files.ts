import { stringify } from 'yaml';

import { analysis, manifestsOf, migration } from './manifests.ts';
import { NATS_URL, natsManifests } from './nats.ts';
import { type Manifest, WORKLOADS } from './workloads.ts';

const PROMETHEUS = 'http://prometheus.monitoring:9090';

/**
 * Where the servers are, whose word on a client's address counts, and where tracking links may lead; an overlay says it for its
 * cluster. Without the first of the last two all clients are one to the rate limits, without the second no link leads anywhere.
 */
const SETTINGS: Manifest = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'tributary' },
  data: {
    REDIS_URL: 'redis://redis:6379',
    NATS_URL,
    NATS_REPLICAS: '3',
    LOG_LEVEL: 'info',
    REPORTING_TZ: 'UTC',
    TRUSTED_PROXIES: '',
    ALLOWED_DESTINATIONS: 'https://shop.example.com',
  },
};

/** The manifests of the base, by file name. */
export function baseManifests(): Map<string, Manifest[]> {
  return new Map([
    ['settings.yaml', [SETTINGS]],
    ['migrate.yaml', [migration()]],
    ['release-analysis.yaml', [analysis(PROMETHEUS)]],
    ...WORKLOADS.map((workload) => [`${workload.name}.yaml`, manifestsOf(workload)] as const),
  ]);
}

/** The manifests of servers that an overlay may take along, by file name. */
export const natsComponent = (): Map<string, Manifest[]> => new Map([['nats.yaml', natsManifests()]]);

/** The text of every file that is written, by its path below infra/kubernetes. */
export function kubernetesFiles(): Map<string, string> {
  return new Map([
    ...folderOf('base', baseManifests(), {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
    }),
    ...folderOf('nats', natsComponent(), {
      apiVersion: 'kustomize.config.k8s.io/v1alpha1',
      kind: 'Component',
    }),
  ]);
}

function folderOf(
  folder: string,
  manifests: Map<string, Manifest[]>,
  kustomization: Manifest,
): Map<string, string> {
  return new Map([
    [`${folder}/kustomization.yaml`, toText([{ ...kustomization, resources: [...manifests.keys()] }])],
    ...[...manifests].map(([name, documents]) => [`${folder}/${name}`, toText(documents)] as const),
  ]);
}

const toText = (documents: readonly object[]): string =>
  documents
    .map((document) => stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n');
