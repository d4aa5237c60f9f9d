/** Where configuration files lie, and what they say. */
import { LaunchError, usageError } from '../base/errors.js';
import type { RawValues } from '../cli/values.js';
import type { Host } from '../host/host.js';
import { packageRoot } from '../host/native.js';
import { findHome, isOwn, readObeyed } from '../host/ownership.js';
import type { ConfigFile } from './file.js';
import type { Owner } from './profiles.js';
import type { Subject } from './subject.js';

const empty: ConfigFile = { options: [], profiles: [], forbid: [], always: [] };

/**
 * The site's file and the user's. `chosen` are the values of --config and --no-config; without files the site's rules
 * still hold: it is not the user who can do without them. Throws LaunchError.
 */
export async function readConfigFiles(
  subject: Subject,
  chosen: RawValues,
  host: Host,
): Promise<{ readonly site: ConfigFile; readonly user: ConfigFile; readonly warnings: readonly string[] }> {
  const { name } = subject.program;
  // throws where the way there is barred: rules that nobody sees would be none
  const sitePath = sitePaths(name).find((path) => host.pathKind(path) !== 'absent');
  const site = sitePath === undefined ? empty : await readConfigFile(subject, sitePath, 'site', host);
  if (chosen['no-config'])
    return { site: { ...empty, forbid: site.forbid, always: site.always }, user: empty, warnings: [] };
  const path = chosen.config === undefined ? ownPath(name, host) : namedPath(String(chosen.config), host);
  // in a home directory that is out of reach, as root's may be after su, there is none
  if (path === undefined) return { site, user: empty, warnings: [] };
  if (chosen.config !== undefined)
    return { site, user: await readConfigFile(subject, path, 'user', host), warnings: [] };
  const file = readObeyed(path, host);
  if (file === undefined) return { site, user: empty, warnings: [] };
  if ('text' in file) return { site, user: await parse(subject, file.text, path, 'user'), warnings: [] };
  return { site, user: empty, warnings: [`the configuration file ${path} is not used: ${file.distrust}`] };
}

/** The machine's file; else that of the installation, for who installs software without being root. */
function sitePaths(program: string): readonly string[] {
  return ['', packageRoot].map((root) => `${root}/etc/${program}/config.toml`);
}

/** What --config names. */
function namedPath(name: string, host: Host): string {
  const path = host.absolute(name);
  if (host.pathKind(path) === 'absent')
    throw new LaunchError(`there is no configuration file ${name}`, { path });
  return path;
}

/** As the XDG base directory specification has it: relative paths are none. Those of somebody else are none, either. */
function ownPath(program: string, host: Host): string | undefined {
  const directory = host.variable('XDG_CONFIG_HOME');
  if (directory?.startsWith('/') && isOwn(directory, host)) return `${directory}/${program}/config.toml`;
  const home = findHome(host);
  return home === undefined ? undefined : `${home}/.config/${program}/config.toml`;
}

/** Throws LaunchError where it is somebody else's: what was asked for, or is the site's, is not left out in silence. */
async function readConfigFile(subject: Subject, path: string, owner: Owner, host: Host): Promise<ConfigFile> {
  const file = readObeyed(path, host, owner === 'site');
  if (file === undefined) return empty;
  if ('text' in file) return parse(subject, file.text, path, owner);
  throw new LaunchError(`refusing the configuration file ${path}: ${file.distrust}`, {
    path,
    hint: "it must be yours or root's, or the owner's of the installation that it lies in, and nobody else may be able to write to it",
  });
}

/** The parser is loaded only where there is a file: most launches find none. */
async function parse(subject: Subject, text: string, path: string, owner: Owner): Promise<ConfigFile> {
  if (!text.isWellFormed()) throw usageError(`the configuration file ${path} is not UTF-8 text`);
  const { parseConfigFile } = await import('./file.js');
  // some editors write a byte order mark
  return parseConfigFile(subject, text.replace(/^\ufeff/, ''), path, owner);
}
