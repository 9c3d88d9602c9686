import http from 'k6/http';

import type { Login } from './session.ts';
import type { Settings } from './settings.ts';
import { textAt, type Answer } from './requests.ts';

/** What the run works on; made through the API, so that it needs nothing but an address and an administrator. */
export interface Ground {
  readonly sku: string;
  readonly partners: readonly PreparedPartner[];
  readonly staff: readonly Login[];
}

export interface PreparedPartner {
  readonly code: string;
  readonly login: Login;
}

const PARTNERS = 40;
const STAFF = 10;
/** Enough for lists of two pages before the first order of the run. */
const FIRST_ORDERS = 40;
const PASSWORD = 'load-test-password-9021';

type Post = (path: string, body: object, token?: string) => Answer;

/** Partners with a link, a login and an endpoint each, staff, a product with its policy, and some commissions. */
export function prepareGround(settings: Settings): Ground {
  const { runId, apiKey } = settings;
  const post = posterTo(settings);
  const admin = textAt(post('/auth/login', settings.admin, ''), 'data.accessToken');
  const sku = `LOAD-${runId}`;
  const category = `load-${runId}`;
  post('/products', { sku, name: 'Load test', category, price: 50, currency: 'USD' });
  post('/policies', {
    code: category,
    name: `Load test ${runId}`,
    type: 'percentage',
    rate: 10,
    category,
    holdDays: 0,
  });
  const partners = range(PARTNERS).map((index) => addPartner({ settings, post, admin, index }));
  const staff = range(STAFF).map((index) => {
    const login = { email: `staff-${index}.${runId}@load.example.com`, password: PASSWORD };
    post('/users', { ...login, name: `Staff ${index}`, role: 'admin' }, admin);
    return login;
  });
  for (const index of range(FIRST_ORDERS)) {
    const referralCode = partners[index % PARTNERS]?.code;
    const order = { orderId: `load-${runId}-first-${index}`, sku, orderAmount: 100 + index, currency: 'USD' };
    post('/tracking/conversion', { ...order, referralCode, confirmed: true }, apiKey);
  }
  return { sku, partners, staff };
}

interface PartnerSpec {
  readonly settings: Settings;
  readonly post: Post;
  readonly admin: string;
  readonly index: number;
}

function addPartner({ settings, post, admin, index }: PartnerSpec): PreparedPartner {
  const { runId, receiverUrl } = settings;
  const name = `partner-${index}.${runId}`;
  const login = { email: `${name}@load.example.com`, password: PASSWORD };
  const code = `L${runId}P${index}`.toUpperCase();
  const partner = post('/partners', { name, email: login.email, referralCode: code });
  const partnerId = textAt(partner, 'data.id');
  post('/users', { ...login, name, role: 'partner', partnerId }, admin);
  if (receiverUrl !== undefined) {
    // The run's events come faster than a partner's server usually wants them.
    const endpoint = { partnerId, url: `${receiverUrl}/ok/${code}`, rateLimitPerSecond: 1_000 };
    post('/webhooks/endpoints', endpoint);
  }
  return { code, login };
}

function posterTo({ api, apiKey }: Settings): Post {
  return (path, body, token = apiKey) => {
    const response = http.post(api + path, JSON.stringify(body), {
      headers: {
        'content-type': 'application/json',
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      },
      tags: { operation: 'prepare', stage: 'prepare' },
      responseType: 'text',
    });
    if (response.status >= 300)
      throw new Error(`${path} was answered by ${response.status}: ${response.body}`);
    return response;
  };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
