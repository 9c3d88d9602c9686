import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

import { MissingTool } from '../tools.ts';

export interface K6Run {
  /** Folder of the workspace. */
  readonly root: string;
  readonly script: string;
  /** Where the accepted actions and the summary are written. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const find = (program: string, path: string): string | undefined =>
  path
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isProgram);

/** Raw lines, so that what was accepted is a file of facts and not of log entries. */
const ARGUMENTS = ['run', '--quiet', '--no-color', '--log-format', 'raw', '--no-usage-report'];

export const acceptedFile = ({ folder }: Pick<K6Run, 'folder'>): string => join(folder, 'accepted.log');
export const summaryFile = ({ folder }: Pick<K6Run, 'folder'>): string => join(folder, 'summary.json');

/**
 * The command that runs a script: k6 on the path, or else its image by Docker, on the host's network and with the same paths.
 * @throws {MissingTool} with where to get k6
 */
export function k6Command(run: K6Run, path: string): [string, ...string[]] {
  const { root, script, folder, environment } = run;
  const settings = { ...environment, SUMMARY_FILE: summaryFile(run) };
  const args = [
    ...ARGUMENTS,
    '--console-output',
    acceptedFile(run),
    ...Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
    join(root, 'k6', `${script}.js`),
  ];
  const k6 = find('k6', path);
  if (k6 !== undefined) return [k6, ...args];
  const docker = find('docker', path);
  if (docker === undefined)
    throw new MissingTool(
      'k6 is not installed: take it from https://grafana.com/docs/k6/latest/set-up/install-k6/, or by `go install go.k6.io/k6@latest`.',
    );
  const folders = [`${root}/k6:${root}/k6:ro`, `${folder}:${folder}`].flatMap((mount) => ['-v', mount]);
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  return [docker, 'run', '--rm', '--network', 'host', '--user', user, ...folders, 'grafana/k6', ...args];
}
