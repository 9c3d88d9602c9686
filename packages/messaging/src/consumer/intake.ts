import type { JsMsg } from 'nats';

/** Between the subscription and the work: gathers batches and bounds how many are in work. */
export interface Intake {
  /** Takes a message; resolves when there is room for the next. */
  take(message: JsMsg): Promise<void>;
  /** How many messages are gathered or in work. */
  readonly size: number;
  /** Hands over what is gathered and resolves when all work is done. */
  drain(): Promise<void>;
}

export interface IntakeOptions {
  readonly concurrency: number;
  readonly batchSize: number;
  readonly gatherMs: number;
  /** Must not reject. */
  readonly process: (batch: readonly JsMsg[]) => Promise<void>;
}

/** A batch starts when it is full or `gatherMs` old and a place is free; while none is free it goes on growing. */
export function createIntake({ concurrency, batchSize, gatherMs, process }: IntakeOptions): Intake {
  const running = new Set<Promise<void>>();
  let gathered: JsMsg[] = [];
  let inWork = 0;
  let ripe = false;
  let timer: NodeJS.Timeout | undefined;
  let roomMade: (() => void) | undefined;

  function startIfPossible(): void {
    if (gathered.length === 0 || running.size >= concurrency) return;
    if (gathered.length < batchSize && !ripe) {
      timer ??= setTimeout(ripen, gatherMs);
      return;
    }
    const batch = gathered;
    gathered = [];
    ripe = false;
    clearTimeout(timer);
    timer = undefined;
    start(batch);
  }

  function ripen(): void {
    ripe = true;
    timer = undefined;
    startIfPossible();
  }

  function start(batch: readonly JsMsg[]): void {
    inWork += batch.length;
    const work = process(batch).finally(() => {
      running.delete(work);
      inWork -= batch.length;
      startIfPossible();
      roomMade?.();
    });
    running.add(work);
    roomMade?.();
  }

  return {
    get size() {
      return gathered.length + inWork;
    },
    async take(message) {
      gathered.push(message);
      startIfPossible();
      while (gathered.length >= batchSize) {
        await new Promise<void>((resolve) => {
          roomMade = resolve;
        });
      }
    },
    async drain() {
      ripe = true;
      startIfPossible();
      while (running.size > 0) {
        await Promise.all(running);
        ripe = true;
        startIfPossible();
      }
    },
  };
}
