/** A promise about reliability that can be tried again: it brings the disturbance itself and judges what came of it. */
export interface DrillDeclaration {
  /** As in `npm run drill -- NAME`. */
  readonly name: string;
  /** What is promised, in a line. */
  readonly says: string;
  /** What may be given as `--name number`, with what it is otherwise. */
  readonly options?: Readonly<Record<string, number>>;
  run(context: DrillContext): Promise<DrillResult>;
}

export interface DrillContext {
  /** A private folder that is removed afterwards. */
  readonly folder: string;
  readonly root: string;
  readonly log: (line: string) => void;
  /** Every option of the drill, as given or by default. */
  readonly options: Readonly<Record<string, number>>;
}

export interface DrillResult {
  readonly passed: boolean;
}
