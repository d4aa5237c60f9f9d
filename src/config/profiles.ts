/** Profiles: named sets of options, requested, or activated automatically if certain paths exist. */
import { type Host, kindIfAny } from '../host/host.js';
import type { Entry } from './entry.js';

/** The owner of a file. */
export type Owner = 'shipped' | 'site' | 'user';

export interface Profile {
  readonly name: string;
  readonly owner: Owner;
  /** Activated automatically if one of these paths exists. */
  readonly when: readonly string[];
  readonly entries: readonly Entry[];
}

/** An option that the site forbids, and where. */
export interface Rule {
  readonly option: string;
  readonly file: string;
  readonly line: number;
}

/** Entries with the same precedence. */
export interface Rank {
  readonly owner: Owner;
  readonly entries: readonly Entry[];
}

/** The profile of each name: the user's hides the site's, which hides the shipped one. */
export function visibleProfiles(...files: readonly (readonly Profile[])[]): readonly Profile[] {
  return [...new Map(files.flat().map((profile) => [profile.name, profile])).values()];
}

/** Those that are activated automatically. Every path that is examined becomes a fact. */
export function automaticProfiles(profiles: readonly Profile[], host: Host): readonly Profile[] {
  return profiles.filter(({ when }) => when.some((path) => kindIfAny(path, host) !== 'absent'));
}
