import { AsyncLocalStorage } from 'node:async_hooks';

import {
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

import type { Attributes, SpanEnding, SpanStart, TraceSpan, Tracing, TracingOptions } from './types.ts';

const SEND_EVERY_MS = 1_000;
/** A collector that hangs must not hold up the end of a process. */
const EXPORT_TIMEOUT_MS = 2_000;
/** Names remembered at once, the oldest forgotten first. */
const MAX_REMEMBERED = 10_000;

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;

/** OpenTelemetry's own parts behind the few words that the platform needs. Loaded only where traces are wanted. */
export function createTracing(options: TracingOptions & { readonly endpoint: string }): Tracing {
  const { service, release, endpoint, share } = options;
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.version': release }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({
          url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
          timeoutMillis: EXPORT_TIMEOUT_MS,
        }),
        scheduledDelayMillis: SEND_EVERY_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('tributary');
  const contexts = new AsyncLocalStorage<string>();
  const carried = new WeakMap<object, string>();
  const remembered = new Map<string, string>();

  const current = (): string | undefined => contexts.getStore();
  return {
    start: (name, start) => begin(tracer.startSpan(name, spanOptions(start), parentContext(start.parent))),
    within: (span, work) => contexts.run(span.traceparent, work),
    current,
    carry(things) {
      const traceparent = current();
      if (traceparent !== undefined) for (const thing of things) carried.set(thing, traceparent);
    },
    carriedBy: (thing) => carried.get(thing),
    remember(name, { traceparent }) {
      remembered.set(name, traceparent);
      if (remembered.size <= MAX_REMEMBERED) return;
      const [oldest] = remembered.keys();
      if (oldest !== undefined) remembered.delete(oldest);
    },
    recall: (name) => remembered.get(name),
    stop: () => provider.shutdown(),
  };
}

const spanOptions = ({ kind, attributes = {} }: SpanStart) => ({
  kind: KINDS[kind],
  attributes: definedOf(attributes),
});

const definedOf = (attributes: Attributes): Record<string, string | number> =>
  Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );

function parentContext(traceparent: string | undefined) {
  const parent = traceparent === undefined ? null : parseTraceParent(traceparent);
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
}

function begin(span: Span): TraceSpan {
  return {
    traceparent: traceparentOf(span.spanContext()),
    end({ name, attributes = {}, error }: SpanEnding = {}) {
      if (name !== undefined) span.updateName(name);
      span.setAttributes(definedOf(attributes));
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
      span.end();
    },
  };
}
