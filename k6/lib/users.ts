import { sleep } from 'k6';
import exec from 'k6/execution';

import type { Ground, PreparedPartner } from './prepare.ts';
import { keep, send, textAt, textsAt, type Phase } from './requests.ts';
import { tokenOf } from './session.ts';
import type { Settings } from './settings.ts';

/** Where a user is and what is known there. */
export interface Scene {
  readonly settings: Settings;
  readonly ground: Ground;
  readonly phase: Phase;
}

type Act = (scene: Scene) => void;

const DESTINATION_CLICK = /[?&]click_id=([0-9a-f-]{36})/;
const DASHBOARDS = ['funnel', 'kpi', 'policy-performance', 'partner-tiers', 'trends', 'overview'];
const PARTNER_PAGES = [
  '/tracking/commissions',
  '/tracking/commissions',
  '/tracking/commissions/stats',
  '/dashboard/kpi',
  '/tracking/conversions',
  '/tracking/clicks',
  '/webhooks/deliveries',
];
const LISTS = [
  '',
  '?status=pending',
  '?status=confirmed',
  '?sort=-commissionAmount',
  '?minAmount=20&limit=50',
];

/** The commissions that this member of staff saw last, and the click of this visitor. */
let seen: string[] = [];
let lastClick: string | undefined;

/** Looks at an offer of a partner, by the shop's script or by the partner's link, and now and then buys. */
export function visit(scene: Scene): void {
  if (lastClick !== undefined && Math.random() < 0.08) return buy(scene);
  const code = pick(scene.ground.partners)?.code ?? '';
  if (Math.random() < 0.25) followLink(scene, code);
  else clickOffer(scene, code);
}

function clickOffer({ settings, phase }: Scene, referralCode: string): void {
  const answer = send({
    operation: 'click',
    phase,
    method: 'POST',
    url: `${settings.api}/tracking/click`,
    body: {
      referralCode,
      sessionId: `${settings.runId}-${moment()}`,
      landingUrl: 'https://shop.example.com/',
    },
    wanted: 201,
  });
  if (answer === undefined) return;
  lastClick = textAt(answer, 'data.clickId');
  keep(settings, 'click', lastClick);
}

function followLink({ settings, phase }: Scene, code: string): void {
  const url = `${settings.gatewayUrl}/r/${code}`;
  const answer = send({ operation: 'redirect', phase, method: 'GET', url, wanted: 302 });
  lastClick = DESTINATION_CLICK.exec(answer?.headers['Location'] ?? '')?.[1];
  if (lastClick !== undefined) keep(settings, 'click', lastClick);
}

function buy({ settings, ground, phase }: Scene): void {
  const orderId = `load-${settings.runId}-${moment()}`;
  const answer = send({
    operation: 'conversion',
    phase,
    method: 'POST',
    url: `${settings.api}/tracking/conversion`,
    token: settings.apiKey,
    body: {
      orderId,
      sku: ground.sku,
      orderAmount: cents(10, 400),
      currency: 'USD',
      clickId: lastClick,
      confirmed: true,
    },
    wanted: 201,
  });
  lastClick = undefined;
  if (answer === undefined) return;
  const conversions = textsAt(answer, 'data.conversions.#.id').length;
  const commissions = textsAt(answer, 'data.commissions.#.id').length;
  keep(settings, 'order', `${orderId} ${conversions} ${commissions}`);
}

/** Looks through commissions, corrects and confirms some, and reads the dashboards. */
export function workAtDesk(scene: Scene): void {
  const login = scene.ground.staff[exec.vu.idInTest % scene.ground.staff.length];
  if (login === undefined) return;
  const token = tokenOf(scene.settings, login, scene.phase);
  if (token === undefined) return;
  drawOf<(scene: Scene, token: string) => void>([
    [40, listCommissions],
    [20, readDashboard],
    [15, readCommission],
    [18, adjust],
    [7, confirm],
  ])(scene, token);
}

function listCommissions({ settings, phase }: Scene, token: string): void {
  const url = `${settings.api}/operations/commissions${pick(LISTS) ?? ''}`;
  const answer = send({ operation: 'list', phase, method: 'GET', url, token, wanted: 200 });
  if (answer !== undefined) seen = textsAt(answer, 'data.#(status=="pending")#.id');
}

function readDashboard({ settings, phase }: Scene, token: string): void {
  const url = `${settings.api}/dashboard/${pick(DASHBOARDS) ?? ''}`;
  send({ operation: 'dashboard', phase, method: 'GET', url, token, wanted: 200 });
}

function readCommission(scene: Scene, token: string): void {
  const { settings, phase } = scene;
  const id = pick(seen);
  if (id === undefined) return listCommissions(scene, token);
  const url = `${settings.api}/operations/commissions/${id}`;
  send({ operation: 'commission', phase, method: 'GET', url, token, wanted: 200 });
}

const adjust = (scene: Scene, token: string): void =>
  change(scene, token, { operation: 'adjust', done: 'adjusted', more: { newAmount: cents(1, 60) } });

const confirm = (scene: Scene, token: string): void =>
  change(scene, token, { operation: 'confirm', done: 'confirmed', more: {} });

interface Change {
  readonly operation: 'adjust' | 'confirm';
  readonly done: string;
  readonly more: object;
}

function change(scene: Scene, token: string, { operation, done, more }: Change): void {
  const { settings, phase } = scene;
  const id = pick(seen);
  if (id === undefined) return listCommissions(scene, token);
  const answer = send({
    operation,
    phase,
    method: 'POST',
    url: `${settings.api}/operations/commissions/${id}/${operation}`,
    token,
    body: { ...more, reason: 'Load test' },
    wanted: 200,
  });
  if (operation === 'confirm') seen = seen.filter((one) => one !== id);
  if (answer !== undefined)
    keep(settings, 'change', `${id} ${JSON.stringify(answer.json('data.version'))} ${done}`);
}

/** A partner looks how things are going. */
export function lookAsPartner({ settings, ground, phase }: Scene): void {
  const partner: PreparedPartner | undefined = ground.partners[exec.vu.idInTest % ground.partners.length];
  if (partner === undefined) return;
  const token = tokenOf(settings, partner.login, phase);
  if (token === undefined) return;
  const url = settings.api + (pick(PARTNER_PAGES) ?? '');
  send({ operation: 'partner', phase, method: 'GET', url, token, wanted: 200 });
}

/** Does something and thinks for a moment: four tenths of a second, give or take the half of it. */
export function actAndThink(act: Act, scene: Scene): void {
  act(scene);
  sleep(0.2 + Math.random() * 0.4);
}

/** A name that no other moment of the run has. */
const moment = (): string => `${exec.vu.idInTest}-${exec.vu.iterationInInstance}`;

const cents = (from: number, to: number): number =>
  Math.round((from + Math.random() * (to - from)) * 100) / 100;

function pick<Item>(items: readonly Item[]): Item | undefined {
  return items[Math.floor(Math.random() * items.length)];
}

/** One of several, by weights out of a hundred. */
function drawOf<Item>(weighted: readonly [[number, Item], ...[number, Item][]]): Item {
  let left = Math.random() * 100;
  for (const [weight, item] of weighted) {
    left -= weight;
    if (left < 0) return item;
  }
  return weighted[0][1];
}
