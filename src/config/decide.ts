/** Words in, decision out, with what files and variables say. */
import { type CommandLine, interpret, parseOptions, takesSettings } from '../cli/parse.js';
import type { Host } from '../host/host.js';
import { configure, type Settings } from './configure.js';

/** Decides what a command line asks for. Throws LaunchError. */
export async function decide(
  words: readonly string[],
  host: Host,
): Promise<{ readonly line: CommandLine; readonly settings: Settings }> {
  const given = parseOptions(words);
  const settings = takesSettings(given)
    ? await configure(given.values, host)
    : { values: given.values, entries: [], warnings: [] };
  return { line: interpret(given, settings.values), settings };
}
