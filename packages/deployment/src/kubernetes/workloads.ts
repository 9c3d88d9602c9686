/** A manifest as it stands in its file. */
export type Manifest = Readonly<Record<string, unknown>>;

/** A service as it runs on a cluster. */
export interface Workload {
  readonly name: string;
  /** Variables beyond those that all have. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Files of the secret `tributary`, each read as the variable that it names. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly replicas: { readonly min: number; readonly max: number };
  /** Who may open connections to it, besides Prometheus. */
  readonly callers: readonly ('gateway' | 'ingress')[];
}

const SHARED_SECRETS = { DATABASE_URL: 'database_url', IDENTITY_SECRET: 'identity_secret' };
const UPSTREAMS = [
  'tracking-service',
  'operations-service',
  'analytics-service',
  'webhook-dispatcher',
  'batch-scheduler',
];

const behindGateway = (name: string, more: Partial<Workload> = {}): Workload => ({
  name,
  secrets: SHARED_SECRETS,
  replicas: { min: 2, max: 6 },
  callers: ['gateway'],
  ...more,
});

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'gateway',
    settings: { UPSTREAMS: UPSTREAMS.map((name) => `${name}=http://${name}:8080`).join(',') },
    secrets: { ...SHARED_SECRETS, JWT_SECRETS: 'jwt_secrets' },
    replicas: { min: 2, max: 10 },
    callers: ['ingress'],
  },
  behindGateway('tracking-service', {
    secrets: { ...SHARED_SECRETS, HASH_PEPPER: 'hash_pepper' },
    replicas: { min: 2, max: 10 },
  }),
  behindGateway('operations-service'),
  behindGateway('analytics-service'),
  behindGateway('webhook-dispatcher', {
    secrets: { ...SHARED_SECRETS, WEBHOOK_ENCRYPTION_KEYS: 'webhook_encryption_keys' },
  }),
  behindGateway('batch-scheduler', { replicas: { min: 2, max: 3 } }),
];
