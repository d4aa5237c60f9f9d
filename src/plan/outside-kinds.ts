/** The steps of the process that stays outside of a container while it is made. */
import type { Kinds } from './kinds.js';

export const outsideKinds = {
  /** Wait until the other side has come to its step of this name, in the list `create`. */
  meet: (step: { readonly name: string }) => [step.name],
} as const satisfies Kinds;
