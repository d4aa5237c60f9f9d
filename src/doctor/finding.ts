/** What the doctor found out about this machine. */

/** One line of the report. */
export interface Finding {
  /** A name for programs: kebab-case, stable. */
  readonly name: string;
  /** The same for users. */
  readonly title: string;
  /** `yes` and `no` were tried; `note` is a fact that neither allows nor forbids. */
  readonly verdict: 'yes' | 'no' | 'note';
  /** Whether no container can be run without it. */
  readonly needed: boolean;
  /** The result: a value, or the message of the refusal. */
  readonly detail?: string;
  /** What does not work without it. */
  readonly consequence?: string;
  /** The cause. */
  readonly cause?: string;
  /** What the user can do. */
  readonly user?: string;
  /** What the administrator can do. */
  readonly administrator?: string;
  /** The content of a file that the administrator's remedy mentions. */
  readonly file?: string;
}

/** What --doctor=json prints. */
export interface Report {
  /** Whether containers can be run. */
  readonly healthy: boolean;
  /** Of ch-run-ts. */
  readonly version: string;
  readonly findings: readonly Finding[];
}

/** A fact that neither allows nor forbids. */
export function note(name: string, title: string, detail: string, more: Partial<Finding> = {}): Finding {
  return { name, title, verdict: 'note', needed: false, detail, ...more };
}
