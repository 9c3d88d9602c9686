import { integerSetting, listSetting, processSettings, secret } from '@tributary/runtime';
import { USER_ROLES } from '@tributary/schema';
import { z } from 'zod';
import type { StaffRole } from './identity/external-identities.ts';

const staffRole = z.enum(USER_ROLES).exclude(['partner']);
const serviceName = /^[a-z0-9][a-z0-9-]*$/;

/** `service=http://host:port,...`: where the stable release of each service listens. */
const upstreams = z.string().transform((text, context) => {
  const targets: Record<string, string> = {};
  for (const part of text.split(',').filter((entry) => entry.trim() !== '')) {
    const at = part.indexOf('=');
    const service = part.slice(0, at).trim();
    const url = URL.parse(part.slice(at + 1).trim());
    if (at < 1 || !serviceName.test(service) || url === null || !/^https?:$/.test(url.protocol)) {
      context.addIssue({ code: 'custom', message: `"${part}" is not service=http://host:port` });
      continue;
    }
    targets[service] = url.origin;
  }
  return targets;
});

/** `kid:secret,...`: the first signs, all verify, so that keys rotate without logging anyone out. */
const jwtSecrets = z.string().transform((text, context) => {
  const keys: { kid: string; secret: string }[] = [];
  for (const part of text.split(',').filter((entry) => entry.trim() !== '')) {
    const at = part.indexOf(':');
    const kid = part.slice(0, at).trim();
    const secret = part.slice(at + 1).trim();
    if (at < 1 || !/^[\w.-]{1,32}$/.test(kid) || secret.length < 32) {
      context.addIssue({ code: 'custom', message: 'each key is kid:secret with 32 characters or more' });
      continue;
    }
    keys.push({ kid, secret });
  }
  if (keys.length === 0) context.addIssue({ code: 'custom', message: 'at least one kid:secret is needed' });
  return keys;
});

/** `theirs:ours,...`: the first that a token has counts. */
const roleMap = z.string().transform((text, context) => {
  const roles = new Map<string, StaffRole>();
  for (const part of text.split(',').filter((entry) => entry.trim() !== '')) {
    // Roles of providers may hold colons themselves.
    const at = part.lastIndexOf(':');
    const role = staffRole.safeParse(part.slice(at + 1).trim());
    if (at < 1 || !role.success) {
      context.addIssue({
        code: 'custom',
        message: `each entry is theirs:ours, ours being ${staffRole.options.join(', ')}`,
      });
      continue;
    }
    roles.set(part.slice(0, at).trim(), role.data);
  }
  return roles;
});

const count = integerSetting(1, 1_000_000_000);
const milliseconds = integerSetting(1, 3_600_000);

/** Everything the gateway reads from its environment. */
export const configSchema = z.object({
  ...processSettings,
  JWT_SECRETS: secret(jwtSecrets),
  UPSTREAMS: upstreams,
  METRICS_TOKEN: secret(z.string().min(1)).optional(),
  CORS_ORIGINS: listSetting(),
  /** Addresses and networks whose `x-forwarded-for` is believed. */
  TRUSTED_PROXIES: listSetting(),
  /** Prefix of every key in Redis, so that several stacks can share one server. */
  REDIS_PREFIX: z.string().default('tributary:'),
  /** Requests per 15 minutes. */
  RATE_LIMIT_PUBLIC: count.default(100),
  RATE_LIMIT_ADMIN: count.default(200),
  RATE_LIMIT_PARTNER: count.default(1_000),
  RATE_LIMIT_API_KEY: count.default(10_000),
  /** Failed logins per account and address in 15 minutes. */
  RATE_LIMIT_LOGIN: count.default(5),
  ACCESS_TOKEN_SECONDS: count.default(900),
  REFRESH_TOKEN_DAYS: count.default(30),
  /** An OpenID Connect provider whose access tokens are accepted too; all but the claim are needed together. */
  OIDC_ISSUER: z.url().optional(),
  OIDC_JWKS_URL: z.url({ protocol: /^https?$/ }).optional(),
  OIDC_AUDIENCE: z.string().min(1).optional(),
  OIDC_ROLE_CLAIM: z.string().min(1).default('roles'),
  OIDC_ROLE_MAP: roleMap.optional(),
  UPSTREAM_CONNECTIONS: count.default(64),
  UPSTREAM_CONNECT_TIMEOUT_MS: milliseconds.default(2_000),
  /** How long a request waits for a service that refuses connections: it covers a restart. */
  UPSTREAM_PATIENCE_MS: integerSetting(0, 60_000).default(10_000),
  UPSTREAM_HEADERS_TIMEOUT_MS: milliseconds.default(30_000),
  UPSTREAM_BODY_TIMEOUT_MS: milliseconds.default(60_000),
  /** Requests under way to one release of one service; the next is answered 503. */
  UPSTREAM_MAX_IN_FLIGHT: count.default(1_000),
});

/** The gateway's settings, checked and frozen. */
export type GatewayConfig = Readonly<z.output<typeof configSchema>>;
