/** The launch plan: plain, read-only data that JSON can represent. docs/how-it-works.md. */
import type { Fact } from '../host/host.js';
import type { createKinds } from './create-kinds.js';
import type { enterKinds } from './enter-kinds.js';
import type { StepOf } from './kinds.js';
import type { outsideKinds } from './outside-kinds.js';

export type { BindOption, IdMap } from './create-kinds.js';

export type OutsideStep = StepOf<typeof outsideKinds>;
export type CreateStep = StepOf<typeof createKinds>;
export type EnterStep = StepOf<typeof enterKinds>;

/** One thing the launcher does. */
export type Step = OutsideStep | CreateStep | EnterStep;

export interface LaunchPlan {
  /** −3 … 3: from silent to all details. */
  readonly verbosity: number;
  readonly color: 'auto' | 'always' | 'never';
  readonly log: 'text' | 'json';
  /** What the user should know, printed at every launch. */
  readonly warnings: readonly string[];
  /** The facts from which the plan was derived. */
  readonly facts: readonly Fact[];
  /** Run by a process that stays outside while the container is created. If empty, there is no such process. */
  readonly outside: readonly OutsideStep[];
  /** Run once, by the process that creates the container. */
  readonly create: readonly CreateStep[];
  /** Run by every process that enters it. */
  readonly enter: readonly EnterStep[];
}

/** A link at a guest path. */
export interface Link {
  readonly target: string;
  readonly path: string;
}
