import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from '@prometheus-io/client';

/**
 * The metrics of one process: a registry of its own, so that two apps in one test process do not meet.
 * A name is defined once; defining it again answers the metric that exists.
 */
export interface Metrics {
  readonly registry: Registry;
  readonly contentType: string;
  counter<Label extends string = never>(definition: MetricDefinition<Label>): Counter<Label>;
  gauge<Label extends string = never>(definition: GaugeDefinition<Label>): Gauge<Label>;
  histogram<Label extends string = never>(definition: HistogramDefinition<Label>): Histogram<Label>;
  /** The exposition text that a scrape answers. */
  expose(): Promise<string>;
}

export interface MetricDefinition<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly Label[];
}

export interface GaugeDefinition<Label extends string> extends MetricDefinition<Label> {
  /** Called before each scrape, to set the gauge to what is true now. */
  readonly collect?: (gauge: Gauge<Label>) => void | Promise<void>;
}

export interface HistogramDefinition<Label extends string> extends MetricDefinition<Label> {
  /** Upper bounds; `DURATION_BUCKETS` by default. */
  readonly buckets?: readonly number[];
}

/** Seconds; finest where the goals are (p95 under 250 ms, alerts at 200 and 500 ms). */
export const DURATION_BUCKETS: readonly number[] = [
  0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10,
];

/** Metrics with the default process ones and `service` as a label on each. */
export function createMetrics({ service }: { readonly service: string }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    contentType: registry.contentType,
    counter: (definition) => once(registry, definition, () => new Counter(config(registry, definition))),
    gauge: (definition) => once(registry, definition, () => newGauge(registry, definition)),
    histogram: (definition) =>
      once(
        registry,
        definition,
        () =>
          new Histogram({
            ...config(registry, definition),
            buckets: [...(definition.buckets ?? DURATION_BUCKETS)],
          }),
      ),
    expose: async () => registry.metrics(),
  };
}

function config<Label extends string>(
  registry: Registry,
  { name, help, labels = [] }: MetricDefinition<Label>,
) {
  return { name, help, labelNames: [...labels], registers: [registry] };
}

function newGauge<Label extends string>(
  registry: Registry,
  definition: GaugeDefinition<Label>,
): Gauge<Label> {
  const { collect } = definition;
  const settings = config(registry, definition);
  if (collect === undefined) return new Gauge(settings);
  return new Gauge({
    ...settings,
    async collect(this: Gauge<Label>) {
      await collect(this);
    },
  });
}

function once<Metric>(registry: Registry, { name }: { readonly name: string }, make: () => Metric): Metric {
  const existing: unknown = registry.getSingleMetric(name);
  return existing === undefined ? make() : (existing as Metric);
}
