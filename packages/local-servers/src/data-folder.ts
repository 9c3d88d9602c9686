import { mkdir } from 'node:fs/promises';

import { explainFailure } from './failures.ts';

/** Makes a server's data folder if it is missing. Throws ServerStartError when that is not possible. */
export async function makeDataFolder(server: string, folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw explainFailure({ name: server, port: 0, dataDir: folder }, String(error));
  }
}
