import { textAt, send, type Phase } from './requests.ts';
import type { Settings } from './settings.ts';

export interface Login {
  readonly email: string;
  readonly password: string;
}

/** Of fifteen: renewed in time, as browsers do. */
const RENEW_AFTER_MS = 10 * 60_000;

interface Session {
  accessToken: string;
  refreshToken: string;
  renewAt: number;
}

/** The session of this user; every k6 user has modules of its own. */
let session: Session | undefined;

/** A token that is good for a while: logs in the first time, and later trades the refresh token. */
export function tokenOf(settings: Settings, login: Login, phase: Phase): string | undefined {
  if (session !== undefined && Date.now() < session.renewAt) return session.accessToken;
  const [path, body] =
    session === undefined
      ? ['/auth/login', login]
      : ['/auth/refresh', { refreshToken: session.refreshToken }];
  const answer = send({
    operation: 'login',
    phase,
    method: 'POST',
    url: settings.api + path,
    body,
    wanted: 200,
  });
  if (answer === undefined) {
    session = undefined;
    return undefined;
  }
  session = {
    accessToken: textAt(answer, 'data.accessToken'),
    refreshToken: textAt(answer, 'data.refreshToken'),
    renewAt: Date.now() + RENEW_AFTER_MS,
  };
  return session.accessToken;
}
