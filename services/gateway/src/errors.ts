import { defineErrors } from '@tributary/http-kit';

/** What the gateway answers by itself, beside the common codes. */
export const errors = defineErrors({
  LOGIN_UNAVAILABLE: { status: 503, title: 'Logging in is not possible at the moment' },
  USER_NOT_FOUND: { status: 404, title: 'User not found' },
  USER_EMAIL_TAKEN: { status: 409, title: 'Another user has this e-mail address' },
  USER_IS_EXTERNAL: { status: 409, title: 'An identity provider vouches for this user' },
  USER_IS_SELF: { status: 409, title: 'Nobody can take their own access away' },
  PARTNER_NOT_FOUND: { status: 404, title: 'Partner not found' },
  API_KEY_NOT_FOUND: { status: 404, title: 'API key not found' },
  SERVICE_STARTING: { status: 503, title: 'A service is still starting' },
  GATEWAY_BUSY: { status: 503, title: 'Too many requests are under way' },
  UPSTREAM_UNREACHABLE: { status: 502, title: 'The service behind this route cannot be reached' },
  UPSTREAM_BROKEN: { status: 502, title: 'The service behind this route broke off' },
  UPSTREAM_TIMEOUT: { status: 504, title: 'The service behind this route took too long' },
});
