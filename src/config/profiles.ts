/** Profiles: options under one name, asked for, or on by themselves where the machine has certain paths. */
import { type Host, kindIfAny } from '../host/host.js';
import type { Entry } from './entry.js';

/** Whose file something stands in. */
export type Owner = 'shipped' | 'site' | 'user';

export interface Profile {
  readonly name: string;
  readonly owner: Owner;
  /** On by itself where one of these paths exists. */
  readonly when: readonly string[];
  readonly entries: readonly Entry[];
}

/** An option that the site forbids, and where. */
export interface Rule {
  readonly option: string;
  readonly file: string;
  readonly line: number;
}

/** Entries of the same rank. */
export interface Rank {
  readonly owner: Owner;
  readonly entries: readonly Entry[];
}

/** The profile of each name: your own one hides the site's, which hides the shipped one. */
export function visibleProfiles(...files: readonly (readonly Profile[])[]): readonly Profile[] {
  return [...new Map(files.flat().map((profile) => [profile.name, profile])).values()];
}

/** Those that are on by themselves. Every path that is looked at becomes a fact. */
export function automaticProfiles(profiles: readonly Profile[], host: Host): readonly Profile[] {
  return profiles.filter(({ when }) => when.some((path) => kindIfAny(path, host) !== 'absent'));
}
