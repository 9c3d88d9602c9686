import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';

/** How one attempt to get an answer from a target ended. */
export type ExchangeOutcome =
  | { readonly kind: 'answered'; readonly status: number }
  /** The client went away; nobody reads an answer. */
  | { readonly kind: 'abandoned' }
  /** Nothing was answered yet: another attempt or a problem document may follow. */
  | { readonly kind: 'failed'; readonly error: Error }
  /** The answer had begun, so that it can only be cut off. */
  | { readonly kind: 'cut'; readonly error: Error };

export interface ExchangeHooks {
  /** The last moment before the head is written: gives the headers to write. */
  onHead(headers: IncomingHttpHeaders): Record<string, number | string | string[]>;
  onEnd(outcome: ExchangeOutcome): void;
}

/** An answer that comes in one piece of at most this much is written together with its head. */
const MAX_ONE_WRITE_BYTES = 64 * 1024;
const CLIENT_GONE = new Error('The client closed the connection');

/**
 * Writes a service's answer to the client as it comes, without keeping it: undici is paused while the client's socket is
 * full, and the request is aborted when the client leaves. Ends exactly once with an outcome.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #hooks: ExchangeHooks;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  /** Bytes of body that the head announced; negative when it did not. */
  #announced = -1;
  /** The body, when it came in one piece; in latin1, which keeps bytes as they are. */
  #whole: string | undefined;
  #ended = false;

  constructor(response: ServerResponse, hooks: ExchangeHooks) {
    this.#response = response;
    this.#hooks = hooks;
    response.once('close', this.#onClose);
  }

  readonly #onClose = () => {
    if (this.#response.writableFinished) return;
    this.#end({ kind: 'abandoned' });
    this.#controller?.abort(CLIENT_GONE);
  };

  #end(outcome: ExchangeOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#response.off('close', this.#onClose);
    this.#hooks.onEnd(outcome);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) controller.abort(CLIENT_GONE);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (statusCode < 200 || this.#ended) return;
    this.#status = statusCode;
    this.#announced = Number(headers['content-length'] ?? -1);
    this.#response.writeHead(statusCode, this.#hooks.onHead(headers));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    if (chunk.length === this.#announced && chunk.length <= MAX_ONE_WRITE_BYTES) {
      // Node puts a text and the head that waits for it into one write; a buffer would be a second one.
      this.#whole = chunk.toString('latin1');
      return;
    }
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    if (this.#whole === undefined) this.#response.end();
    else this.#response.end(this.#whole, 'latin1');
    this.#end({ kind: 'answered', status: this.#status });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#ended) return;
    if (this.#status === 0) {
      this.#end({ kind: 'failed', error });
      return;
    }
    this.#end({ kind: 'cut', error });
    this.#response.destroy();
  }
}
