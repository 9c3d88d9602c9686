// Brings the dependencies: pnpm through npx, only when something that decides them has changed.
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { runChild } from './child.mjs';
import { Failure, onDisk } from './launch-failure.mjs';

const PNPM = 'pnpm@12.21.0';
/** npm's own patience without a network is 70 s; these make it about 10 s. What the person has set wins. */
const IMPATIENT = { npm_config_fetch_retry_mintimeout: '2000', npm_config_fetch_retry_maxtimeout: '6000' };
const PROGRESS_EVERY_MS = 4_000;
const LOCK_POLL_MS = 300;

/** The files whose content decides what is installed. */
function decidingFiles(root) {
  const folders = ['packages', 'services'].flatMap((group) => {
    const path = join(root, group);
    return existsSync(path)
      ? readdirSync(path)
          .sort()
          .map((name) => join(group, name))
      : [];
  });
  const manifests = ['.', ...folders].map((folder) => join(folder, 'package.json'));
  return ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests].filter((file) =>
    existsSync(join(root, file)),
  );
}

function fingerprint(root) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${root}\n`);
  for (const file of decidingFiles(root)) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

const stampFile = (root) => join(root, 'node_modules', '.tributary-installed');

function isInstalled(root, wanted) {
  return existsSync(stampFile(root)) && readFileSync(stampFile(root), 'utf8').trim() === wanted;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Creates the lock file, or answers the id of the live process that holds it. A dead holder's lock is removed. */
function tryLock(file) {
  // Written whole before it gets its name: a lock without an id in it would be taken for a dead one.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    linkSync(draft, file);
    return undefined;
  } catch (error) {
    if (error.code !== 'EEXIST' && createUnlinked(file, error)) return undefined;
  } finally {
    rmSync(draft, { force: true });
  }
  const holder = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (holder > 0 && isAlive(holder)) return holder;
  rmSync(file, { force: true });
  return 0;
}

/** Creates the lock file on a disk that knows no links; false where it is there already. */
function createUnlinked(file, cause) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw cause;
  }
}

/** Waits for other installs of this checkout. The lock is outside node_modules, which pnpm may remove and make anew. */
async function lockInstall(root) {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const file = join(tmpdir(), `tributary-install-${process.getuid?.() ?? 0}-${name}.lock`);
  let told = false;
  for (;;) {
    const holder = onDisk(tmpdir(), () => tryLock(file));
    if (holder === undefined) return () => rmSync(file, { force: true });
    if (holder > 0 && !told)
      console.log(`Dependencies are being installed by process ${holder}; waiting for it.`);
    told = told || holder > 0;
    await delay(LOCK_POLL_MS);
  }
}

const CAUSES = [
  [
    /ERR_PNPM_OUTDATED_LOCKFILE/,
    () => `pnpm-lock.yaml does not fit the package.json files: run npx ${PNPM} install --no-frozen-lockfile.`,
  ],
  [
    /ENOSPC|os error 28|no\s+space\s+left/i,
    (root) => `The disk that holds ${root} is full: free some space and run the command again.`,
  ],
  [
    /EROFS|os error 30|read-only\s+file\s+system/i,
    (root) => `${root} is on a read-only disk: copy the project to a place that can be written.`,
  ],
  [
    /EACCES|EPERM|os error 13|permission\s+denied/i,
    (root) => `Some file below ${root} or npm's cache may not be written by this user.`,
  ],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|network/i,
    () =>
      'The npm registry cannot be reached: check the network, the proxy settings and `npm config get registry`.',
  ],
];

function explain(root, output, exitCode) {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('Progress:'));
  const cause = CAUSES.find(([pattern]) => pattern.test(output));
  const sentence = cause?.[1](root) ?? `Installing the dependencies failed (exit code ${exitCode}).`;
  return `${sentence}\nThe last lines of the installer:\n${lines
    .slice(-6)
    .map((line) => `  ${line.trim()}`)
    .join('\n')}`;
}

/** Says from pnpm's own progress lines how far the installation is. */
function progressOf(output) {
  const match = [...output.matchAll(/resolved (\d+), reused (\d+), downloaded (\d+)/g)].at(-1);
  if (match === undefined) return 'fetching the installer';
  return `${Number(match[2]) + Number(match[3])} of ${match[1]} packages are here`;
}

async function runInstaller(root) {
  let output = '';
  const began = Date.now();
  const ticker = setInterval(() => {
    console.log(`  ... ${progressOf(output)} (${Math.round((Date.now() - began) / 1000)} s)`);
  }, PROGRESS_EVERY_MS);
  try {
    const args = ['--yes', PNPM, 'install', '--frozen-lockfile', '--reporter=append-only'];
    const env = { ...IMPATIENT, ...process.env, CI: 'true' };
    const exitCode = await runChild('npx', args, { cwd: root, env, capture: (chunk) => (output += chunk) });
    if (exitCode > 128) throw new Failure('The installation was interrupted.', exitCode);
    if (exitCode !== 0) throw new Failure(explain(root, output, exitCode));
  } catch (error) {
    if (error.code === 'ENOENT')
      throw new Failure('npx was not found: install npm, which comes with Node.js, and try again.');
    throw error;
  } finally {
    clearInterval(ticker);
  }
}

/**
 * Makes sure that what the lockfile names is installed; does nothing when it is.
 * @param {string} root the folder of the workspace
 */
export async function ensureInstalled(root) {
  if (isInstalled(root, fingerprint(root))) return;
  const unlock = await lockInstall(root);
  try {
    const wanted = fingerprint(root);
    if (isInstalled(root, wanted)) return;
    const began = Date.now();
    onDisk(root, () => {
      mkdirSync(join(root, 'node_modules'), { recursive: true });
      rmSync(stampFile(root), { force: true });
    });
    console.log('Installing dependencies (about half a minute the first time) ...');
    await runInstaller(root);
    onDisk(root, () => writeFileSync(stampFile(root), `${wanted}\n`));
    console.log(`Dependencies are installed (${((Date.now() - began) / 1000).toFixed(1)} s).`);
  } finally {
    unlock();
  }
}
