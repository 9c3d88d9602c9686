/** What was counted in this thread, by name. */
export const counters: Record<string, number> = {};

export class Counter {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  add(value: number): void {
    counters[this.name] = (counters[this.name] ?? 0) + value;
  }
}
