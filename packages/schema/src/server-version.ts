/** The oldest Postgres whose `RETURNING old.*` the commands rely on. */
const OLDEST_VERSION_NUM = 180_000;

/**
 * Throws, in a sentence for whoever installs Tributary, when the server is too old. `versionNum` is `server_version_num`
 * (`180004`), `version` what the server calls itself (`18.4`).
 */
export function assertSupportedServer(versionNum: number, version: string): void {
  if (versionNum >= OLDEST_VERSION_NUM) return;
  throw new Error(
    `Tributary needs PostgreSQL 18 or later, but the server at DATABASE_URL is PostgreSQL ${version}.`,
  );
}
