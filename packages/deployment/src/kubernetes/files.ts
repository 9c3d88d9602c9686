import { stringify } from 'yaml';

import { analysis, manifestsOf, migration } from './manifests.ts';
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
    NATS_URL: 'nats://nats:4222',
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

/** The text of every file of the base, its kustomization among them. */
export function baseFiles(): Map<string, string> {
  const manifests = baseManifests();
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [...manifests.keys()],
  };
  const toText = (documents: readonly object[]) =>
    documents
      .map((document) => stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }))
      .join('---\n');
  return new Map([
    ['kustomization.yaml', toText([kustomization])],
    ...[...manifests].map(([name, documents]) => [name, toText(documents)] as const),
  ]);
}
