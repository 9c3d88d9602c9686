import { type Database, DEFAULT_PROGRAM } from '@tributary/schema';

import { momentOf } from '../history/calendar.ts';
import type { Operator } from '../operator.ts';
import { createRandom } from '../random.ts';
import { LOGIN_PARTNER, PARTNER_CHANGES, PARTNERS } from './partners.ts';
import { type DemoPolicy, type DemoTerms, POLICIES } from './policies.ts';
import { PRODUCTS } from './products.ts';

/** Ids of what was stored, by the names that the catalogue uses. */
export interface StoredCatalogue {
  readonly partners: ReadonlyMap<string, string>;
  readonly products: ReadonlyMap<string, string>;
}

interface Store {
  readonly db: Database;
  readonly firstDay: Date;
  readonly operator: Operator;
}

const SEED = 7_001;

/** Audit rows for what a CTE `made` has inserted; `changes` is SQL over its row `m`. */
const auditOf = (entityType: string, changes: string): string => `
  INSERT INTO audit_logs (id, program_id, entity_type, entity_id, action, user_id, actor, changes, ip_address, user_agent, created_at)
  SELECT uuidv7(), $1, '${entityType}', m.id::text, 'created', $3::uuid, $4, ${changes}, $5, $6, m.created_at FROM made m`;

const setTo = (fields: Readonly<Record<string, string>>): string =>
  `jsonb_build_array(${Object.entries(fields)
    .map(
      ([field, column]) => `jsonb_build_object('field', '${field}', 'oldValue', NULL, 'newValue', ${column})`,
    )
    .join(', ')})`;

async function insert(store: Store, statement: string, rows: readonly object[]): Promise<void> {
  const { id, name, ipAddress, userAgent } = store.operator;
  await store.db.query(statement, [DEFAULT_PROGRAM, [...rows], id, name, ipAddress, userAgent]);
}

const INSERT_PARTNERS = `WITH given AS (
    SELECT * FROM jsonb_to_recordset($2::jsonb) AS x (id uuid, name text, email text, external_id text, tier text, created_at timestamptz)
  ), made AS (
    INSERT INTO partners (id, program_id, name, email, external_id, tier, created_at, updated_at)
    SELECT id, $1, name, email, external_id, tier, created_at, created_at FROM given ON CONFLICT DO NOTHING RETURNING *
  )${auditOf('partner', setTo({ name: 'm.name', email: 'm.email', tier: 'm.tier' }))}`;

// The partner who can log in was made when the stack was; its history is older.
const AGE_LOGIN_PARTNER = `WITH made AS (
    UPDATE partners SET external_id = x.external_id, created_at = x.created_at, updated_at = x.created_at
    FROM jsonb_to_recordset($2::jsonb) AS x (id uuid, external_id text, created_at timestamptz)
    WHERE program_id = $1 AND partners.id = x.id AND partners.external_id IS NULL RETURNING partners.*
  )${auditOf('partner', setTo({ name: 'm.name', email: 'm.email', tier: 'm.tier' }))}`;

const INSERT_CODES = `INSERT INTO referral_codes (id, program_id, code, partner_id, is_default, created_at)
  SELECT id, $1, code, partner_id, is_default, created_at
  FROM jsonb_to_recordset($2::jsonb) AS x (id uuid, code text, partner_id uuid, is_default boolean, created_at timestamptz)
  ON CONFLICT DO NOTHING`;

async function storePartners(store: Store, loginPartnerId: string): Promise<Map<string, string>> {
  const random = createRandom(SEED);
  const rows = PARTNERS.map(({ code, coupon, name, email, externalId, tier, firstDay }, index) => {
    const createdAt = momentOf(store.firstDay, (firstDay ?? -30) - 12 + index, 9.5);
    const id = random.idAt(createdAt);
    const promoted = PARTNER_CHANGES.find((change) => change.code === code && change.field === 'tier');
    return {
      id: code === LOGIN_PARTNER ? loginPartnerId : id,
      code,
      coupon,
      name,
      email,
      external_id: externalId,
      tier: promoted?.from ?? tier,
      created_at: createdAt,
    };
  });
  const isLogin = ({ code }: { code: string }): boolean => code === LOGIN_PARTNER;
  await insert(
    store,
    INSERT_PARTNERS,
    rows.filter((row) => !isLogin(row)),
  );
  await insert(store, AGE_LOGIN_PARTNER, rows.filter(isLogin));
  const codes = rows.flatMap(({ id, code, coupon, created_at }) =>
    [code, ...(coupon === undefined ? [] : [coupon])].map((spelling) => ({
      id: random.idAt(created_at),
      code: spelling,
      partner_id: id,
      is_default: spelling === code,
      created_at,
    })),
  );
  await store.db.query(INSERT_CODES, [DEFAULT_PROGRAM, codes]);
  return new Map(rows.map(({ code, id }) => [code, id]));
}

const INSERT_PRODUCTS = `WITH made AS (
    INSERT INTO products (id, program_id, sku, name, category, tags, supplier_id, price, currency, created_at, updated_at)
    SELECT id, $1, sku, name, category, tags, supplier_id, price, 'USD', created_at, created_at
    FROM jsonb_to_recordset($2::jsonb) AS x (id uuid, sku text, name text, category text, tags text[], supplier_id text,
      price numeric, created_at timestamptz)
    ON CONFLICT DO NOTHING RETURNING *
  )${auditOf('product', setTo({ sku: 'm.sku', name: 'm.name', price: 'm.price' }))}`;

async function storeProducts(store: Store): Promise<Map<string, string>> {
  const random = createRandom(SEED + 1);
  const rows = PRODUCTS.map(({ sku, name, category, tags, supplierId, price }, index) => {
    const created_at = momentOf(store.firstDay, -45, index / 4);
    return {
      id: random.idAt(created_at),
      sku,
      name,
      category,
      tags,
      supplier_id: supplierId,
      price: (price / 100).toFixed(2),
      created_at,
    };
  });
  await insert(store, INSERT_PRODUCTS, rows);
  return new Map(rows.map(({ sku, id }) => [sku, id]));
}

const TERMS = [
  ['policy_id', 'uuid'],
  ['version', 'int'],
  ['effective_from', 'timestamptz'],
  ['type', 'text'],
  ['rate', 'numeric'],
  ['amount', 'numeric'],
  ['tiers', 'jsonb'],
  ['currency', 'text'],
  ['partner_id', 'uuid'],
  ['partner_tier', 'text'],
  ['product_id', 'uuid'],
  ['category', 'text'],
  ['tags', 'text[]'],
  ['max_commission', 'numeric'],
  ['requires_new_customer', 'boolean'],
  ['max_usage_per_partner', 'int'],
  ['hold_days', 'int'],
  ['stackable', 'boolean'],
] as const;
const TERM_COLUMNS = TERMS.map(([column]) => column).join(', ');

const INSERT_POLICIES = `WITH made AS (
    INSERT INTO commission_policies (id, program_id, code, name, description, status, priority, current_version, version, created_at, updated_at)
    SELECT id, $1, code, name, description, status, priority, versions, versions, created_at, updated_at
    FROM jsonb_to_recordset($2::jsonb) AS x (id uuid, code text, name text, description text, status text, priority int,
      versions int, created_at timestamptz, updated_at timestamptz)
    ON CONFLICT DO NOTHING RETURNING *
  )${auditOf('policy', setTo({ code: 'm.code', name: 'm.name', priority: 'm.priority' }))}`;

const INSERT_VERSIONS = `INSERT INTO commission_policy_versions (program_id, created_at, ${TERM_COLUMNS})
  SELECT $1, effective_from, ${TERM_COLUMNS} FROM jsonb_to_recordset($2::jsonb) AS x (${TERMS.map((term) => term.join(' ')).join(', ')})
  ON CONFLICT DO NOTHING`;

const AUDIT_NEW_TERMS = `INSERT INTO audit_logs (id, program_id, entity_type, entity_id, action, user_id, actor, changes, ip_address, user_agent, created_at)
  SELECT id, $1, 'policy', policy_id::text, 'updated', $3::uuid, $4, jsonb_build_array(jsonb_build_object('field', 'rate',
    'oldValue', old_rate, 'newValue', new_rate)), $5, $6, effective_from
  FROM jsonb_to_recordset($2::jsonb) AS x (id uuid, policy_id uuid, old_rate numeric, new_rate numeric, effective_from timestamptz)
  ON CONFLICT DO NOTHING`;

const UNSET_TERMS = { requires_new_customer: false, hold_days: 7, stackable: false };

function policyRow(firstDay: Date, policy: DemoPolicy, id: string, createdAt: Date): Record<string, unknown> {
  const { code, name, description, status, priority, versions } = policy;
  const changed = versions.at(-1)?.day;
  const updated_at = changed === undefined ? createdAt : momentOf(firstDay, changed);
  return {
    id,
    code,
    name,
    description,
    status,
    priority,
    versions: versions.length,
    created_at: createdAt,
    updated_at,
  };
}

async function storePolicies(store: Store, { partners, products }: StoredCatalogue): Promise<void> {
  const { firstDay } = store;
  const random = createRandom(SEED + 2);
  const stored = POLICIES.map((policy, index) => {
    // Apart in age, as age decides between policies that are equal in all else.
    const createdAt = momentOf(firstDay, -40 + index, 10);
    return { policy, createdAt, id: random.idAt(createdAt) };
  });
  const versions = stored.flatMap(({ policy, id, createdAt }) =>
    policy.versions.map(({ day, terms }, index) => ({
      ...UNSET_TERMS,
      ...terms,
      policy_id: id,
      version: index + 1,
      effective_from: day === undefined ? createdAt : momentOf(firstDay, day),
      partner_id: policy.partner && partners.get(policy.partner),
      product_id: policy.product && products.get(policy.product),
    })),
  );
  const rateOf = (terms: DemoTerms | undefined): number | null => terms?.rate ?? null;
  const changes = stored.flatMap(({ policy, id }) =>
    policy.versions.slice(1).map(({ day = 0, terms }, index) => ({
      id: random.idAt(momentOf(firstDay, day)),
      policy_id: id,
      old_rate: rateOf(policy.versions[index]?.terms),
      new_rate: rateOf(terms),
      effective_from: momentOf(firstDay, day),
    })),
  );
  await insert(
    store,
    INSERT_POLICIES,
    stored.map(({ policy, id, createdAt }) => policyRow(firstDay, policy, id, createdAt)),
  );
  await store.db.query(INSERT_VERSIONS, [DEFAULT_PROGRAM, versions]);
  await insert(store, AUDIT_NEW_TERMS, changes);
}

const SETTINGS = {
  reportingTimeZone: 'UTC',
  currency: 'USD',
  attributionModel: 'last_touch',
  attributionWindowDays: 30,
  defaultHoldDays: 7,
  pauseBatchConfirmation: false,
  pausePayments: false,
};

const INSERT_SETTINGS = `INSERT INTO settings (program_id, key, value, updated_at)
  SELECT $1, key, value, $3 FROM jsonb_each($2::jsonb) ON CONFLICT DO NOTHING`;

/** Stores settings, partners with their codes, products and policies, each with its audit row. What is there already stays. */
export async function storeCatalogue(store: Store, loginPartnerId: string): Promise<StoredCatalogue> {
  await store.db.query(INSERT_SETTINGS, [DEFAULT_PROGRAM, SETTINGS, momentOf(store.firstDay, -50)]);
  const [partners, products] = await Promise.all([
    storePartners(store, loginPartnerId),
    storeProducts(store),
  ]);
  const catalogue = { partners, products };
  await storePolicies(store, catalogue);
  return catalogue;
}
