/** Combines command line, environment, profiles, the user's file, the site's file, and shipped profiles. */
import { usageError } from '../base/errors.js';
import { nearestName } from '../base/nearest.js';
import { optionsOf } from '../cli/program.js';
import { type RawValues, refuseConflicts } from '../cli/values.js';
import type { Host } from '../host/host.js';
import { describeSource, type Entry, toEntries, toValues } from './entry.js';
import { readConfigFiles } from './find-files.js';
import {
  automaticProfiles,
  type Owner,
  type Profile,
  type Rank,
  type Rule,
  visibleProfiles,
} from './profiles.js';
import { settle } from './settle.js';
import type { Subject } from './subject.js';
import { readVariables } from './variables.js';

export interface Settings {
  readonly values: RawValues;
  /** The same, one by one, with their source. */
  readonly entries: readonly Entry[];
  readonly warnings: readonly string[];
}

/** Adds the options set elsewhere to those of a command line. Throws LaunchError. */
export async function configure(subject: Subject, given: RawValues, host: Host): Promise<Settings> {
  const options = optionsOf(subject.program);
  const { entries: variables, warnings: odd } = readVariables(subject, host);
  const words = toEntries(options, given, { kind: 'command-line' });
  const chosen = toValues(options, settle(options, [variables, words]));
  refuseConflicts(options, chosen);
  const { site, user, warnings } = await readConfigFiles(subject, chosen, host);
  const profiles = visibleProfiles(subject.profiles, site.profiles, user.profiles);
  const named = settle(options, [site.options, user.options, variables, words]).filter(
    ({ option }) => option === 'profile',
  );
  const asked = askedProfiles(profiles, named);
  const others = profiles.filter((profile) => !asked.includes(profile));
  const automatic = automaticProfiles(others, host);
  const automaticOf = (owner: Owner) => automatic.filter((profile) => profile.owner === owner);
  // in order of increasing precedence
  const ranks: readonly Rank[] = [
    ...automaticOf('shipped'),
    { owner: 'site', entries: site.options },
    ...automaticOf('site'),
    { owner: 'user', entries: user.options },
    ...automaticOf('user'),
    ...asked,
    { owner: 'user', entries: variables },
    { owner: 'user', entries: words },
    { owner: 'site', entries: site.always },
  ];
  refuseForbidden(ranks, site.forbid);
  const entries = settle(
    options,
    ranks.map((rank) => rank.entries),
  );
  return { values: toValues(options, entries), entries, warnings: [...odd, ...warnings] };
}

/** The requested profiles, in this order. Throws LaunchError with exit status 64 if there is no such profile. */
function askedProfiles(profiles: readonly Profile[], asked: readonly Entry[]): readonly Profile[] {
  const found = asked.map(({ value, source }) => {
    const profile = profiles.find(({ name }) => name === value);
    if (profile) return profile;
    const names = profiles.map(({ name }) => name);
    const near = nearestName(String(value), names);
    throw usageError(
      `there is no profile ${value}, which ${describeSource(source)} requests`,
      near ? `did you mean ${near}?` : `there are ${names.join(', ')}`,
    );
  });
  return [...new Set(found)];
}

/** Refuses options that only the site may set, even where a place with higher precedence would hide them. */
function refuseForbidden(ranks: readonly Rank[], rules: readonly Rule[]): void {
  const set = ranks.filter(({ owner }) => owner === 'user').flatMap(({ entries }) => entries);
  for (const { option, value, source } of set) {
    const rule = rules.find((each) => each.option === option);
    if (rule === undefined || value === false) continue;
    throw usageError(
      `this site forbids --${option}, which ${describeSource(source)} sets`,
      `see ${rule.file}:${rule.line}`,
    );
  }
}
