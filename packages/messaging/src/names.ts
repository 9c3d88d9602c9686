import { STREAMS, type StreamName } from '@tributary/event-catalog';

/**
 * How the catalogue's names appear on a NATS server. A namespace lets several installations, or tests, share one server:
 * stream `NS_COMMISSIONS`, subject `NS.commission.paid`.
 */
export interface Names {
  readonly namespace: string;
  stream(name: StreamName): string;
  subject(eventType: string): string;
  /** The subjects of a stream, or of the families of it that are asked for. */
  subjects(name: StreamName): string[];
}

const NAMESPACE = /^[A-Za-z0-9_-]*$/;

/** @throws {RangeError} when the namespace could not be part of a stream's name and of a subject */
export function namesIn(namespace: string): Names {
  if (!NAMESPACE.test(namespace)) {
    throw new RangeError(`'${namespace}' cannot be a namespace: letters, digits, _ and - only`);
  }
  const subject = (type: string): string => (namespace === '' ? type : `${namespace}.${type}`);
  return {
    namespace,
    stream: (name) => (namespace === '' ? name : `${namespace}_${name}`),
    subject,
    subjects: (name) => STREAMS[name].subjects.map(subject),
  };
}
