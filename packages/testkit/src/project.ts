import { resolve } from 'node:path';

/** The root of the workspace. */
export const PROJECT_ROOT = resolve(import.meta.dirname, '../../..');

/** The project's private folder, in which downloaded servers are kept. */
export const PROJECT_HOME = resolve(PROJECT_ROOT, process.env.TRIBUTARY_HOME ?? '.tributary');
