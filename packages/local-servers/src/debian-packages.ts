import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { ServerStartError } from './failures.ts';
import { findExecutable } from './find-executable.ts';
import { runProgram } from './run-program.ts';

/** Whether Debian's packages can be fetched here at all. */
export function canUseDebianPackages(): boolean {
  return (
    process.platform === 'linux' &&
    ['apt-get', 'dpkg-deb'].every((name) => findExecutable(name) !== undefined)
  );
}

/** Settings with which apt touches nothing but `folder`, and needs no root. */
function privateApt(folder: string): string[] {
  const settings = [
    `Dir::State=${join(folder, 'state')}`,
    'Dir::State::status=/var/lib/dpkg/status',
    `Dir::Cache=${join(folder, 'cache')}`,
    `Dir::Log=${join(folder, 'log')}`,
    'APT::Sandbox::User=',
    'Debug::NoLocking=1',
    'Acquire::Languages=none',
    'Acquire::Retries=2',
    'APT::Install-Recommends=false',
  ];
  return settings.flatMap((setting) => ['-o', setting]);
}

async function apt(folder: string, args: readonly string[], cwd = folder): Promise<string> {
  const result = await runProgram(['apt-get', '-q', ...privateApt(folder), ...args], { cwd });
  if (result.ok) return result.stdout;
  const reason = result.output.split('\n').findLast((line) => line.startsWith('E:')) ?? 'apt-get failed';
  throw new ServerStartError(
    'missing_tool',
    `The Debian packages of NATS and Redis could not be downloaded (${reason.trim()}): check the network, or install nats-server and redis-server.`,
  );
}

async function unpack(folder: string, packages: readonly string[]): Promise<string> {
  const root = join(folder, 'root');
  const downloads = join(folder, 'downloads');
  await Promise.all([
    mkdir(root),
    mkdir(downloads),
    mkdir(join(folder, 'state/lists/partial'), { recursive: true }),
    mkdir(join(folder, 'cache/archives/partial'), { recursive: true }),
  ]);
  await apt(folder, ['update']);
  const plan = await apt(folder, ['-s', 'install', ...packages]);
  const needed = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
  await apt(folder, ['download', ...new Set([...packages, ...needed])], downloads);
  for (const file of await readdir(downloads)) {
    const result = await runProgram(['dpkg-deb', '-x', join(downloads, file), root]);
    if (!result.ok)
      throw new ServerStartError('failed', `${file} could not be unpacked (${result.output.trim()}).`);
  }
  return root;
}

/**
 * Downloads Debian packages, with what they depend on and this system lacks, and unpacks them below `target`,
 * without root and without touching the system.
 */
export async function unpackDebianPackages(target: string, packages: readonly string[]): Promise<void> {
  const parent = join(target, '..');
  await mkdir(parent, { recursive: true });
  const work = await mkdtemp(join(parent, 'download-'));
  try {
    // Renamed as a whole, so that a download that was cut short is never taken for a complete one.
    await rename(await unpack(work, packages), target).catch(async (error: unknown) => {
      if (!(await stat(target).catch(() => undefined))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The folders with shared libraries in an unpacked tree, as LD_LIBRARY_PATH. */
export async function libraryPath(root: string): Promise<string> {
  const folders: string[] = [];
  for (const lib of ['usr/lib', 'lib']) {
    const entries = await readdir(join(root, lib)).catch(() => []);
    folders.push(...entries.filter((name) => name.includes('-linux-')).map((name) => join(root, lib, name)));
  }
  return folders.join(':');
}
