/** What configuration is about. */
import type { Program } from '../cli/program.js';
import type { RawValues } from '../cli/values.js';
import type { Profile } from './profiles.js';

/** A program, and what configuration must know of it beyond its options. */
export interface Subject {
  readonly program: Program;
  /** Throws LaunchError where the values of some options are wrong, alone or together. */
  readonly check: (values: RawValues) => void;
  /** The profiles that come with it. */
  readonly profiles: readonly Profile[];
}
