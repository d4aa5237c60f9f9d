/** The steps of the process that stays outside while a container is created. */
import type { Kinds } from './kinds.js';

export const outsideKinds = {
  /** Wait until the other side reaches its step with this name, in the list `create`. */
  meet: (step: { readonly name: string }) => [step.name],
} as const satisfies Kinds;
