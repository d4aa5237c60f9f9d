/** What configuration is about. */
import type { Program } from '../cli/program.js';
import type { RawValues } from '../cli/values.js';
import type { Profile } from './profiles.js';

/** A program, and what configuration must know about it besides its options. */
export interface Subject {
  readonly program: Program;
  /** Throws LaunchError if the values of some options are wrong, alone or together. */
  readonly check: (values: RawValues) => void;
  /** The profiles that come with it. */
  readonly profiles: readonly Profile[];
}
