/** A span as the code around it knows it. */
export interface TraceSpan {
  /** The W3C header that whoever goes on from here is given. */
  readonly traceparent: string;
  /** @param ending what was not known when it began */
  end(ending?: SpanEnding): void;
}

export type Attributes = Readonly<Record<string, string | number | undefined>>;

export interface SpanEnding {
  readonly name?: string;
  readonly attributes?: Attributes;
  /** What went wrong, in a few words. */
  readonly error?: string | undefined;
}

export interface SpanStart {
  readonly kind: 'server' | 'client' | 'producer' | 'consumer';
  /** The header of whom this goes on from; without one, or with nonsense, a trace begins. */
  readonly parent?: string | undefined;
  readonly attributes?: Attributes;
}

/** Spans of this process, and how they find their parents. Exists only while somebody listens. */
export interface Tracing {
  start(name: string, options: SpanStart): TraceSpan;
  /** Runs `work` so that `current` answers this span in it and in all that comes of it. */
  within<T>(span: TraceSpan, work: () => T): T;
  current(): string | undefined;
  /** Keeps the current span with things that leave its context, such as events that wait to be sent. */
  carry(things: readonly object[]): void;
  carriedBy(thing: object): string | undefined;
  /** Keeps a span under a name that another part of this process knows, such as the id of an event. */
  remember(name: string, span: TraceSpan): void;
  recall(name: string): string | undefined;
  /** Sends what there is. */
  stop(): Promise<void>;
}

export interface TracingOptions {
  readonly service: string;
  readonly release: string;
  /** Of an OTLP/HTTP collector; without one there are no traces, and not even their code is loaded. */
  readonly endpoint: string | undefined;
  /** Which part of the traces that begin here is recorded, from 0 to 1. */
  readonly share: number;
}
