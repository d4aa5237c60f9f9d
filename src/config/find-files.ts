/** Where configuration files lie, and what they say. */
import { LaunchError, usageError } from '../errors.js';
import type { Host } from '../host.js';
import type { Values } from '../to-request.js';
import type { ConfigFile } from './file.js';
import type { Owner } from './profiles.js';

const sitePath = '/etc/ch-run-ts/config.toml';
const empty: ConfigFile = { options: [], profiles: [], forbid: [], always: [] };

/**
 * The site's file and the user's. `chosen` are the values of --config and --no-config; without files the site's rules
 * still hold: it is not the user who can do without them. Throws LaunchError.
 */
export async function readConfigFiles(
  chosen: Values,
  host: Host,
): Promise<{ readonly site: ConfigFile; readonly user: ConfigFile }> {
  if (chosen.config !== undefined && chosen['no-config'])
    throw usageError('--config and --no-config exclude each other');
  // throws where the way there is barred: rules that nobody sees would be none
  const site = host.pathKind(sitePath) === 'absent' ? empty : await readConfigFile(sitePath, 'site', host);
  if (chosen['no-config'])
    return { site: { ...empty, forbid: site.forbid, always: site.always }, user: empty };
  return { site, user: await readUserFile(chosen.config as string | undefined, host) };
}

async function readUserFile(chosen: string | undefined, host: Host): Promise<ConfigFile> {
  if (chosen === undefined) {
    const own = ownPath(host);
    // in a home directory that is out of reach, as root's may be after su, there is none
    return own === undefined ? empty : readConfigFile(own, 'user', host);
  }
  const path = host.absolute(chosen);
  if (host.pathKind(path) === 'absent')
    throw new LaunchError(`there is no configuration file ${chosen}`, { path });
  return readConfigFile(path, 'user', host);
}

/** As the XDG base directory specification has it: relative paths are none. */
function ownPath(host: Host): string | undefined {
  const directory = host.variable('XDG_CONFIG_HOME');
  if (directory?.startsWith('/')) return `${directory}/ch-run-ts/config.toml`;
  const home = host.variable('HOME');
  return home?.startsWith('/') ? `${home}/.config/ch-run-ts/config.toml` : undefined;
}

/** The parser is loaded only where there is a file: most launches find none. */
async function readConfigFile(path: string, owner: Owner, host: Host): Promise<ConfigFile> {
  const bytes = host.readFile(path);
  if (bytes === undefined) return empty;
  const { parseConfigFile } = await import('./file.js');
  return parseConfigFile(decode(bytes, path), path, owner);
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw usageError(`the configuration file ${path} is not UTF-8 text`);
  }
}
