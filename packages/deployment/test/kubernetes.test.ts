import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import * as rollouts from '@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1';
import { METRICS, questionsOf } from '@tributary/monitoring';
import * as apps from 'kubernetes-models/apps/v1';
import * as autoscaling from 'kubernetes-models/autoscaling/v2';
import * as batch from 'kubernetes-models/batch/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import t from 'tap';
import { parse } from 'yaml';
import { z } from 'zod';

import { IMAGES } from '../src/bundle-services.ts';
import { baseManifests, kubernetesFiles, natsComponent } from '../src/kubernetes/files.ts';
import { analysis } from '../src/kubernetes/manifests.ts';
import { NATS_IMAGE } from '../src/kubernetes/nats.ts';
import { type Manifest, WORKLOADS } from '../src/kubernetes/workloads.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const FOLDER = join(ROOT, 'infra', 'kubernetes');

/** The published schemas, by kind. */
const MODELS: Readonly<Record<string, (manifest: never) => { validate(): void }>> = {
  ConfigMap: (manifest) => new core.ConfigMap(manifest),
  Service: (manifest) => new core.Service(manifest),
  StatefulSet: (manifest) => new apps.StatefulSet(manifest),
  Job: (manifest) => new batch.Job(manifest),
  PodDisruptionBudget: (manifest) => new policy.PodDisruptionBudget(manifest),
  HorizontalPodAutoscaler: (manifest) => new autoscaling.HorizontalPodAutoscaler(manifest),
  NetworkPolicy: (manifest) => new networking.NetworkPolicy(manifest),
  Rollout: (manifest) => new rollouts.Rollout(manifest),
  AnalysisTemplate: (manifest) => new rollouts.AnalysisTemplate(manifest),
};

/** Settings of Compose whose absence does no harm. */
const HARMLESS = /^(?:OTEL_EXPORTER_OTLP_ENDPOINT|CORS_ORIGINS|INTERNAL_NETWORKS|RATE_LIMIT_.*)$/;

function validate(manifest: Manifest): void {
  const model = MODELS[String(manifest['kind'])];
  if (model === undefined) throw new Error(`no schema for ${String(manifest['kind'])}`);
  model(manifest as never).validate();
}

t.test('every manifest is what the published schemas ask for', async (t) => {
  for (const [file, manifests] of [...baseManifests(), ...natsComponent()])
    for (const manifest of manifests)
      t.doesNotThrow(() => validate(manifest), `${file}: ${String(manifest['kind'])}`);
  const [service] = baseManifests().get('gateway.yaml')?.slice(1) ?? [];
  t.throws(() => validate({ ...service, spec: { ports: 'none' } }), 'a wrong one is seen');
});

t.test('the files are those of the source, and there are no others', async (t) => {
  const files = kubernetesFiles();
  const present = ['base', 'nats'].flatMap((folder) =>
    readdirSync(join(FOLDER, folder)).map((name) => `${folder}/${name}`),
  );
  t.same(present.sort(), [...files.keys()].sort());
  for (const [path, text] of files)
    t.equal(readFileSync(join(FOLDER, path), 'utf8'), text, `${path}: run npm run kubernetes`);
});

t.test('nodes of NATS are those of Compose under other names, and wait for their disks', async (t) => {
  const text = kubernetesFiles().get('nats/nats.yaml') ?? '';
  t.match(text, /sync_interval: always/);
  for (const node of [0, 1, 2]) t.match(text, `nats://nats-${node}.nats:6222`);
  t.notMatch(text, /nats-\d:/, 'no name of Compose is left');
  t.match(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), `image: ${NATS_IMAGE}`);
});

t.test('an overlay names a version of every image, and only of images that we build', async (t) => {
  const schema = z.looseObject({ images: z.array(z.object({ name: z.string(), newTag: z.string() })) });
  for (const overlay of readdirSync(join(FOLDER, 'overlays'))) {
    const text = readFileSync(join(FOLDER, 'overlays', overlay, 'kustomization.yaml'), 'utf8');
    const { images } = schema.parse(parse(text));
    t.same(
      images.map(({ name }) => name).sort(),
      IMAGES.map((image) => `tributary/${image}`).sort(),
      overlay,
    );
  }
});

t.test('a service gets the same secrets on a cluster as in Compose', async (t) => {
  const schema = z.looseObject({
    services: z.record(z.string(), z.looseObject({ secrets: z.array(z.string()).optional() })),
  });
  const { services } = schema.parse(
    parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }),
  );
  for (const { name, secrets } of WORKLOADS)
    t.same(Object.values(secrets).sort(), [...(services[name]?.secrets ?? [])].sort(), name);
});

t.test('a cluster says what Compose says, and each overlay what only it can know', async (t) => {
  const compose = z.looseObject({
    services: z.record(
      z.string(),
      z.looseObject({ environment: z.record(z.string(), z.string()).optional() }),
    ),
  });
  const { services } = compose.parse(
    parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }),
  );
  const base = [...kubernetesFiles().values()].join('\n');
  for (const { name } of WORKLOADS) {
    const settings = Object.keys(services[name]?.environment ?? {}).filter((key) => !key.endsWith('_FILE'));
    t.not(settings.length, 0, name);
    t.same(
      settings.filter((key) => !HARMLESS.test(key) && !new RegExp(`\\b${key}\\b`).test(base)),
      [],
      `${name} is told all of it`,
    );
  }
  for (const overlay of readdirSync(join(FOLDER, 'overlays'))) {
    const text = readFileSync(join(FOLDER, 'overlays', overlay, 'kustomization.yaml'), 'utf8');
    for (const key of ['REDIS_URL', 'TRUSTED_PROXIES', 'ALLOWED_DESTINATIONS'])
      t.match(text, new RegExp(`path: /data/${key}\\n`), `${overlay}: ${key}`);
    t.match(
      text,
      /^ {2}- \.\.\/\.\.\/nats$|path: \/data\/NATS_URL\n/m,
      `${overlay}: NATS of its own, or where it is`,
    );
  }
});

t.test('a release is judged by metrics that there are', async (t) => {
  const queries = [...JSON.stringify(analysis('http://prometheus')).matchAll(/"query":"((?:[^"\\]|\\.)*)"/g)];
  t.equal(queries.length, 2);
  for (const [, query = ''] of queries) {
    const questions = questionsOf(query.replaceAll('\\"', '"'));
    t.not(questions.length, 0);
    for (const { metric } of questions) t.ok(METRICS[metric.replace(/_bucket$/, '')] !== undefined, metric);
  }
});
