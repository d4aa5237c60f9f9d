/** The CDI specifications on this machine: their files and contents. */
import { isTooDeep } from '../base/errors.js';
import { type Host, patternOf } from '../host/host.js';
import { readObeyed } from '../host/ownership.js';
import type { Spec } from './spec.js';
import { validateSpec } from './validate.js';
import { parseYaml } from './yaml.js';

/** A specification file: its content, or what is wrong with it. */
export type SpecFile = { readonly path: string } & ({ readonly spec: Spec } | { readonly error: string });

/** The default directories of specifications. */
export const defaultCdiDirectories = '/etc/cdi:/var/run/cdi';

/** The given directories, else those in $CH_RUN_CDI_DIRS, else the usual ones; a later one takes precedence. */
export function cdiDirectories(given: readonly string[] | undefined, host: Host): readonly string[] {
  const chosen = given ?? splitDirectories(host.variable('CH_RUN_CDI_DIRS') || defaultCdiDirectories);
  return chosen.map((path) => host.absolute(path));
}

const splitDirectories = (text: string) => text.split(':').filter((path) => path !== '');

/** The files in a directory that may be specifications. The list is a fact: a new file makes a new plan. */
export function readDirectory(directory: string, host: Host): readonly SpecFile[] {
  return ['*.json', '*.yaml']
    .flatMap((files) => host.matchingPaths(`${patternOf(directory)}/${files}`))
    .map((path) => readSpecFile(path, host));
}

/** Never throws: a broken file matters only if its devices are requested. */
export function readSpecFile(path: string, host: Host): SpecFile {
  try {
    const file = readObeyed(path, host);
    if (file === undefined) throw new Error('there is no such file');
    if ('distrust' in file) throw new Error(file.distrust);
    const { text } = file;
    return { path, spec: validateSpec(path.endsWith('.json') ? parseJson(text) : parseYaml(text)) };
  } catch (error) {
    if (isTooDeep(error)) return { path, error: 'its values are nested too deeply' };
    // a parser's message may show the place in further lines
    return { path, error: (error as Error).message.split('\n')[0]?.replace(/[.:]$/, '') ?? '' };
  }
}

/** Engines word JSON errors differently; YAML, a superset of JSON, is parsed by a library. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    parseYaml(text);
    throw new Error('it is not JSON');
  }
}
