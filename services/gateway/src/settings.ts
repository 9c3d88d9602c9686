import type { GatewaySettings } from './app.ts';
import type { GatewayConfig } from './config.ts';

/** What of the environment concerns the app itself. */
export function settingsFrom(config: GatewayConfig): GatewaySettings {
  return {
    upstreams: config.UPSTREAMS,
    identitySecret: config.IDENTITY_SECRET,
    jwtKeys: config.JWT_SECRETS,
    accessTokenSeconds: config.ACCESS_TOKEN_SECONDS,
    refreshTokenDays: config.REFRESH_TOKEN_DAYS,
    limits: {
      public: config.RATE_LIMIT_PUBLIC,
      admin: config.RATE_LIMIT_ADMIN,
      partner: config.RATE_LIMIT_PARTNER,
      apiKey: config.RATE_LIMIT_API_KEY,
    },
    loginLimit: config.RATE_LIMIT_LOGIN,
    upstream: {
      connections: config.UPSTREAM_CONNECTIONS,
      connectTimeoutMs: config.UPSTREAM_CONNECT_TIMEOUT_MS,
      headersTimeoutMs: config.UPSTREAM_HEADERS_TIMEOUT_MS,
      bodyTimeoutMs: config.UPSTREAM_BODY_TIMEOUT_MS,
    },
    patienceMs: config.UPSTREAM_PATIENCE_MS,
    maxInFlight: config.UPSTREAM_MAX_IN_FLIGHT,
    corsOrigins: config.CORS_ORIGINS,
    trustedProxies: config.TRUSTED_PROXIES,
    metricsToken: config.METRICS_TOKEN,
  };
}
