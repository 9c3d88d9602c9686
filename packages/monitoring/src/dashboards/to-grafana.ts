import type { Dashboard, Panel, Row } from './panel.ts';

const DATASOURCE = { type: 'prometheus', uid: 'prometheus' };
const COLUMNS = 24;
const PANEL_HEIGHT = 8;

interface Place {
  readonly x: number;
  readonly y: number;
}

/** A dashboard in the form that Grafana's provisioning reads. */
export function toGrafana({ uid, title, rows }: Dashboard): object {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    });
    y += 1;
    const placed = placePanels(row, y);
    for (const { panel, place } of placed) panels.push(toPanel(panel, panels.length + 1, place));
    y = Math.max(y, ...placed.map(({ place }) => place.y + PANEL_HEIGHT));
  }
  return {
    uid,
    title,
    tags: ['tributary'],
    editable: false,
    schemaVersion: 41,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    panels,
  };
}

/** From left to right, and on to the next line when a panel has no room. */
function placePanels(row: Row, top: number): { panel: Panel; place: Place }[] {
  let x = 0;
  let y = top;
  return row.panels.map((panel) => {
    if (x + panel.width > COLUMNS) {
      x = 0;
      y += PANEL_HEIGHT;
    }
    const place = { x, y };
    x += panel.width;
    return { panel, place };
  });
}

function toPanel(panel: Panel, id: number, { x, y }: Place): object {
  const isInstant = panel.kind === 'stat' || panel.kind === 'gauge' || panel.kind === 'bargauge';
  return {
    id,
    type: panel.kind,
    title: panel.title,
    ...(panel.says === undefined ? {} : { description: panel.says }),
    datasource: DATASOURCE,
    gridPos: { x, y, w: panel.width, h: PANEL_HEIGHT },
    fieldConfig: { defaults: { unit: panel.unit, ...thresholdsOf(panel) }, overrides: [] },
    options: optionsOf(panel),
    targets: panel.queries.map(({ expr, legend }, index) => ({
      refId: String.fromCodePoint(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
      instant: isInstant,
      range: !isInstant,
      ...(panel.kind === 'heatmap' ? { format: 'heatmap' } : {}),
    })),
  };
}

/** Colours at the panel's limits; a falling pair (0.99, 0.95) is red below. */
function thresholdsOf({ limits, kind }: Panel): object {
  const range = kind === 'gauge' ? { min: 0, max: 1 } : {};
  if (limits === undefined) return range;
  const { warn, bad } = limits;
  const rising = [
    { color: 'green', value: null },
    { color: 'yellow', value: warn },
    { color: 'red', value: bad },
  ];
  const falling = [
    { color: 'red', value: null },
    { color: 'yellow', value: bad },
    { color: 'green', value: warn },
  ];
  return { ...range, thresholds: { mode: 'absolute', steps: bad > warn ? rising : falling } };
}

function optionsOf({ kind }: Panel): object {
  switch (kind) {
    case 'timeseries':
      return {
        legend: { displayMode: 'list', placement: 'bottom' },
        tooltip: { mode: 'multi', sort: 'desc' },
      };
    case 'heatmap':
      return { calculate: false, yAxis: { unit: 'currencyUSD' }, color: { scheme: 'Blues', mode: 'scheme' } };
    case 'stat':
    case 'gauge':
    case 'bargauge':
      return { reduceOptions: { calcs: ['lastNotNull'] } };
  }
}
