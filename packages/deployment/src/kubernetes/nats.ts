import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import type { Manifest } from './workloads.ts';

const NAME = 'nats';
const NODES = 3;
const NOBODY = 65_532;
const CLIENTS = 4222;
const CLUSTER = 6222;
const MONITORING = 8222;
/** The release that Compose runs, too. */
export const NATS_IMAGE = 'nats:2.12.2-alpine';

const labels = { 'app.kubernetes.io/name': NAME, 'app.kubernetes.io/part-of': 'tributary' };
const selector = { matchLabels: { 'app.kubernetes.io/name': NAME } };
const metadata = { name: NAME, labels };

/** The address of a node: each has a name of its own behind the headless service. */
const nodeAddress = (node: number): string => `${NAME}-${node}.${NAME}`;

/** Where services find it. */
export const NATS_URL = Array.from(
  { length: NODES },
  (_, node) => `nats://${nodeAddress(node)}:${CLIENTS}`,
).join(',');

/** What the nodes of Compose are told, with the names that nodes have here. */
function configuration(): string {
  const text = readFileSync(resolve(import.meta.dirname, '../../../../infra/nats/nats.conf'), 'utf8');
  return text.replaceAll(/nats-(\d):/g, (_, node) => `${nodeAddress(Number(node) - 1)}:`);
}

const configMap = (): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata,
  data: { 'nats.conf': configuration() },
});

/** Headless, and with the addresses of nodes that are not ready: they have to find each other first. */
const service = (): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata,
  spec: {
    clusterIP: 'None',
    publishNotReadyAddresses: true,
    selector: selector.matchLabels,
    ports: [
      { name: 'client', port: CLIENTS },
      { name: 'cluster', port: CLUSTER },
      { name: 'monitoring', port: MONITORING },
    ],
  },
});

const nodes = (): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata,
  spec: {
    serviceName: NAME,
    replicas: NODES,
    // One alone waits for a majority before it is ready, and would wait for ever for the next.
    podManagementPolicy: 'Parallel',
    selector,
    template: {
      metadata: { labels },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 60,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: NOBODY,
          fsGroup: NOBODY,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        // The loss of one machine is not to take two of three.
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: selector,
          },
        ],
        containers: [
          {
            name: NAME,
            image: NATS_IMAGE,
            args: ['--config', '/etc/nats/nats.conf'],
            env: [{ name: 'NATS_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
            ports: [
              { name: 'client', containerPort: CLIENTS },
              { name: 'cluster', containerPort: CLUSTER },
              { name: 'monitoring', containerPort: MONITORING },
            ],
            startupProbe: { ...healthy('js-enabled-only=true'), failureThreshold: 60 },
            // Alive while JetStream is on, ready while it is in touch with the others: to restart it would not bring them back.
            livenessProbe: { ...healthy('js-enabled-only=true'), failureThreshold: 6 },
            readinessProbe: { ...healthy('js-server-only=true'), failureThreshold: 2 },
            resources: { requests: { cpu: '250m', memory: '256Mi' }, limits: { memory: '512Mi' } },
            volumeMounts: [
              { name: 'data', mountPath: '/data' },
              { name: 'config', mountPath: '/etc/nats', readOnly: true },
            ],
          },
        ],
        volumes: [{ name: 'config', configMap: { name: NAME } }],
      },
    },
    // Larger than what JetStream may fill: a publish that is refused waits in the outbox, a full disk turns JetStream off.
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '25Gi' } } },
      },
    ],
  },
});

const healthy = (question: string) => ({
  httpGet: { path: `/healthz?${question}`, port: 'monitoring' },
  periodSeconds: 5,
  timeoutSeconds: 3,
});

/** Two of three have to stay, or nothing is acknowledged. */
const disruptionBudget = (): Manifest => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata,
  spec: { maxUnavailable: 1, selector },
});

const networkPolicy = (): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata,
  spec: {
    podSelector: selector,
    policyTypes: ['Ingress'],
    ingress: [
      {
        from: [{ podSelector: { matchLabels: { 'app.kubernetes.io/part-of': 'tributary' } } }],
        ports: [{ port: CLIENTS, protocol: 'TCP' }],
      },
      { from: [{ podSelector: selector }], ports: [{ port: CLUSTER, protocol: 'TCP' }] },
      {
        from: [{ namespaceSelector: { matchLabels: { 'tributary/monitoring': 'true' } } }],
        ports: [{ port: MONITORING, protocol: 'TCP' }],
      },
    ],
  },
});

/** A cluster of three for whoever has none: each write is on two disks before it is acknowledged. */
export const natsManifests = (): Manifest[] => [
  configMap(),
  service(),
  nodes(),
  disruptionBudget(),
  networkPolicy(),
];
