/** From arguments, files and variables to a decision. */
import { parseOptions, takesSettings } from '../cli/parse.js';
import { configure, type Settings } from '../config/configure.js';
import type { Subject } from '../config/subject.js';
import type { Host } from '../host/host.js';
import { type CommandLine, interpret } from './command-line.js';
import { program } from './program.js';
import { shippedProfiles } from './shipped-profiles.js';
import { checkRunValues } from './to-request.js';

/** ch-run-ts, for the configuration. */
export const subject: Subject = { program, check: checkRunValues, profiles: shippedProfiles };

/** Decides what a command line requests. Throws LaunchError. */
export async function decide(
  words: readonly string[],
  host: Host,
): Promise<{ readonly line: CommandLine; readonly settings: Settings }> {
  const given = parseOptions(program, words);
  const settings = takesSettings(program, given)
    ? await configure(subject, given.values, host)
    : { values: given.values, entries: [], warnings: [] };
  return { line: interpret(given, settings.values), settings };
}
