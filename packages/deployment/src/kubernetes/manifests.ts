import { LIMITS } from '@tributary/canary/limits';

import type { Manifest, Workload } from './workloads.ts';

const PORT = 8080;
const NOBODY = 65_532;

const labels = (name: string) => ({
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/part-of': 'tributary',
});
const selector = (name: string) => ({ matchLabels: { 'app.kubernetes.io/name': name } });
const metadata = (name: string) => ({ name, labels: labels(name) });
const entries = (record: Readonly<Record<string, string>>) =>
  Object.entries(record).map(([name, value]) => ({ name, value }));

const SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/** A pod that runs one of our images, with its secrets as files. */
function podSpec(image: string, secrets: Readonly<Record<string, string>>, container: object): Manifest {
  const files = Object.values(secrets);
  return {
    automountServiceAccountToken: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: NOBODY,
      fsGroup: NOBODY,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: image,
        image: `tributary/${image}`,
        securityContext: SECURITY,
        volumeMounts: [
          { name: 'secrets', mountPath: '/run/secrets', readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
        ],
        ...container,
      },
    ],
    volumes: [
      {
        name: 'secrets',
        secret: { secretName: 'tributary', items: files.map((key) => ({ key, path: key })) },
      },
      { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
    ],
  };
}

const fromFiles = (secrets: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(secrets).map(([name, file]) => [`${name}_FILE`, `/run/secrets/${file}`]));

function container({ settings = {}, secrets }: Workload): object {
  const probe = (path: string) => ({ httpGet: { path, port: 'http' }, periodSeconds: 5, timeoutSeconds: 3 });
  return {
    ports: [{ name: 'http', containerPort: PORT }],
    envFrom: [{ configMapRef: { name: 'tributary' } }],
    env: entries({ ...settings, ...fromFiles(secrets) }),
    startupProbe: { ...probe('/health/live'), periodSeconds: 1, failureThreshold: 30 },
    livenessProbe: { ...probe('/health/live'), failureThreshold: 6 },
    readinessProbe: { ...probe('/health/ready'), failureThreshold: 2 },
    resources: { requests: { cpu: '250m', memory: '192Mi' }, limits: { memory: '512Mi' } },
  };
}

/** A rollout that goes on by itself while the analysis is content, and back when it is not. */
function rollout(workload: Workload): Manifest {
  const { name, secrets } = workload;
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: metadata(name),
    spec: {
      revisionHistoryLimit: 3,
      selector: selector(name),
      strategy: {
        canary: {
          maxUnavailable: 0,
          maxSurge: '25%',
          analysis: {
            templates: [{ templateName: 'release' }],
            startingStep: 1,
            args: [
              { name: 'service', value: name },
              { name: 'canary-hash', valueFrom: { podTemplateHashValue: 'Latest' } },
              { name: 'stable-hash', valueFrom: { podTemplateHashValue: 'Stable' } },
            ],
          },
          // The last step, all of it, is what a rollout does when it has no more steps.
          steps: LIMITS.steps
            .slice(0, -1)
            .flatMap((step) => [{ setWeight: step }, { pause: { duration: `${LIMITS.stepSeconds}s` } }]),
        },
      },
      template: {
        metadata: { labels: labels(name) },
        spec: { terminationGracePeriodSeconds: 20, ...podSpec(name, secrets, container(workload)) },
      },
    },
  };
}

function service({ name }: Workload): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(name),
    spec: { selector: selector(name).matchLabels, ports: [{ name: 'http', port: PORT, targetPort: 'http' }] },
  };
}

function disruptionBudget({ name }: Workload): Manifest {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata(name),
    spec: { maxUnavailable: 1, selector: selector(name) },
  };
}

function autoscaler({ name, replicas }: Workload): Manifest {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadata(name),
    spec: {
      scaleTargetRef: { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name },
      minReplicas: replicas.min,
      maxReplicas: replicas.max,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
        },
      ],
    },
  };
}

/** Only those that have to may open connections to it; out it may go to where its dependencies are. */
function networkPolicy({ name, callers }: Workload): Manifest {
  const peers = callers.map((caller) =>
    caller === 'ingress'
      ? { namespaceSelector: { matchLabels: { 'tributary/ingress': 'true' } } }
      : { podSelector: selector(caller) },
  );
  const prometheus = { namespaceSelector: { matchLabels: { 'tributary/monitoring': 'true' } } };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadata(name),
    spec: {
      podSelector: selector(name),
      policyTypes: ['Ingress'],
      ingress: [{ from: [...peers, prometheus], ports: [{ port: PORT, protocol: 'TCP' }] }],
    },
  };
}

/** Everything of one service. */
export const manifestsOf = (workload: Workload): Manifest[] =>
  [rollout, service, disruptionBudget, autoscaler, networkPolicy].map((make) => make(workload));

/** The migration, before the services of the same release. */
export function migration(): Manifest {
  const secrets = { DATABASE_URL: 'owner_database_url' };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadata('migrate'),
    spec: {
      backoffLimit: 5,
      ttlSecondsAfterFinished: 86_400,
      template: {
        metadata: { labels: labels('migrate') },
        spec: {
          restartPolicy: 'Never',
          ...podSpec('migrate', secrets, { env: entries(fromFiles(secrets)) }),
        },
      },
    },
  };
}

/** What each release is judged by: the limits of `npm run canary`, over what its pods count themselves. */
export function analysis(address: string): Manifest {
  const { maxErrorRate, maxTimesAsSlow, minSlowerSeconds, minRequests, stepSeconds } = LIMITS;
  const window = `[${stepSeconds}s]`;
  const pods = (release: string, more = '') =>
    `{service="{{args.service}}",pod_hash="{{args.${release}-hash}}"${more}}`;
  const requests = `sum(increase(http_requests_total${pods('canary')}${window}))`;
  const errors = `sum(increase(http_requests_total${pods('canary', ',status=~"5.."')}${window}))`;
  const p95 = (release: string) =>
    `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket${pods(release)}${window})))`;
  const isEnough = `${requests} >= ${minRequests}`;
  const isSlow = `${p95('canary')} > ${maxTimesAsSlow} * ${p95('stable')} and ${p95('canary')} - ${p95('stable')} > ${minSlowerSeconds}`;
  const metric = (name: string, query: string) => ({
    name,
    interval: '15s',
    failureLimit: 0,
    // Too few requests, or nothing wrong: the query answers nothing.
    successCondition: 'len(result) == 0',
    provider: { prometheus: { address, query } },
  });
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisTemplate',
    metadata: metadata('release'),
    spec: {
      args: [{ name: 'service' }, { name: 'canary-hash' }, { name: 'stable-hash' }],
      metrics: [
        metric('errors', `${errors} / ${requests} > ${maxErrorRate} and ${isEnough}`),
        metric('slow', `${isSlow} and ${isEnough}`),
      ],
    },
  };
}
