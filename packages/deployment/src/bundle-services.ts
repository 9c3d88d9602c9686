import { cp, mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

import { build } from 'esbuild';

const PROJECT_ROOT = resolve(import.meta.dirname, '../../..');

/** What is put into an image of its own: the six services, and the migration that runs before them. */
export const IMAGES = [
  'gateway',
  'tracking-service',
  'operations-service',
  'analytics-service',
  'webhook-dispatcher',
  'batch-scheduler',
  'migrate',
] as const;

export type Image = (typeof IMAGES)[number];

/** Compiled code, which cannot be bundled: it lies beside the bundle as it does in a workspace. */
const NATIVE: Partial<Record<Image, { readonly name: string; readonly platforms: string }>> = {
  gateway: { name: '@node-rs/argon2', platforms: '@node-rs' },
};

/** Bundled CommonJS asks for Node's own modules with `require`, which a module does not have. */
const BANNER = [
  "import { createRequire as tributaryCreateRequire } from 'node:module';",
  'const require = tributaryCreateRequire(import.meta.url);',
].join('\n');

function entryOf(image: Image): string {
  return image === 'migrate'
    ? join(PROJECT_ROOT, 'packages', 'schema', 'src', 'migrate-cli.ts')
    : join(PROJECT_ROOT, 'services', image, 'src', 'server.ts');
}

/**
 * Writes what one image holds into `folder`: `bin/main.mjs` (the service with all that it needs), `bin/start.mjs` and
 * `bin/health.mjs`, and the migrations or the native module where there is one.
 */
export async function bundleImage(image: Image, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const native = NATIVE[image];
  await build({
    absWorkingDir: PROJECT_ROOT,
    entryPoints: {
      main: entryOf(image),
      start: join(import.meta.dirname, 'image', 'start.ts'),
      health: join(import.meta.dirname, 'image', 'health.ts'),
    },
    outdir: join(folder, 'bin'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Stack traces name our lines; NODE_OPTIONS=--enable-source-maps stands in the image.
    sourcemap: 'linked',
    sourcesContent: false,
    keepNames: true,
    legalComments: 'none',
    banner: { js: BANNER },
    external: ['./main.mjs', ...(native === undefined ? [] : [native.name])],
    logLevel: 'error',
  });
  if (native !== undefined) await copyNative(native, folder);
  if (image === 'migrate')
    await cp(join(PROJECT_ROOT, 'packages', 'schema', 'migrations'), join(folder, 'migrations'), {
      recursive: true,
    });
}

/** The module and its compiled part for this machine, with the links of pnpm's store made folders. */
async function copyNative({ name, platforms }: { name: string; platforms: string }, folder: string) {
  const require = createRequire(join(PROJECT_ROOT, 'services', 'gateway', 'package.json'));
  const source = dirname(await realpath(require.resolve(`${name}/package.json`)));
  const siblings = join(source, '..');
  const target = join(folder, 'node_modules', platforms);
  for (const sibling of await readdir(siblings))
    await cp(await realpath(join(siblings, sibling)), join(target, sibling), {
      recursive: true,
      dereference: true,
    });
}
