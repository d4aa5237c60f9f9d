/** What an image says of running it: its configuration, or the scripts of Apptainer and Singularity. */
import { LaunchError } from '../base/errors.js';
import { settingsOf } from '../formats/image.js';
import type { Host } from '../host/host.js';
import type { Image } from './resolve-image.js';

/** Where ch-image-ts and Charliecloud keep it in an image. */
export const configFile = '/ch/config.json';

const runscript = '/.singularity.d/runscript';

export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** NAME=VALUE each. */
  readonly environment: readonly string[];
  readonly directory?: string;
  /** Who runs it, if that is not root. */
  readonly user?: ImageUser;
  readonly volumes: readonly string[];
  /** The variable in which its shell code expects the names of those that the caller has set: they take precedence. */
  readonly namesIn?: string;
}

export interface ImageUser {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Undefined if the image says nothing. `wanted`: to run it, or a command in it. Throws LaunchError. */
export function readImageConfig(
  image: Image,
  wanted: 'run' | 'command',
  host: Host,
): ImageConfig | undefined {
  const text = host.readGuestFile(image, configFile);
  if (text !== undefined) return fromConfig(text, image, host);
  if (host.readGuestFile(image, runscript) === undefined) return undefined;
  return { entrypoint: scripted(wanted), command: [], environment: [], volumes: [], namesIn };
}

const namesIn = 'CH_RUN_TS_SET';

/** What shells do not let anybody set. */
const readOnly = 'UID|EUID|PPID|GROUPS|BASHOPTS|SHELLOPTS|BASH_VERSINFO';

/** For each of them. They are identifiers, so that eval(1) sees nothing else; values are never read as code. */
const each = (code: string) =>
  `for ch_run_ts in $${namesIn}; do case $ch_run_ts in ${readOnly}) ;; *) eval "${code}" ;; esac; done`;
const name = '$ch_run_ts';
const keep = each(`[ -z \\"\\\${${name}+x}\\" ] || ch_run_ts_${name}=\\$${name}`);
const restore = each(`[ -z \\"\\\${ch_run_ts_${name}+x}\\" ] || export ${name}=\\"\\$ch_run_ts_${name}\\"`);

/** The image's shell code runs in the container, never outside. */
function scripted(wanted: 'run' | 'command'): readonly string[] {
  const source = 'for file in /.singularity.d/env/*.sh; do if [ -r "$file" ]; then . "$file"; fi; done';
  const command = `exec ${wanted === 'run' ? `${runscript} ` : ''}"$@"`;
  const code = [keep, source, 'unset IFS', restore, `unset ${namesIn}`, command].join('; ');
  return ['/bin/sh', '-c', code, 'ch-run-ts'];
}

function fromConfig(text: string, image: Image, host: Host): ImageConfig {
  const { entrypoint, command, environment, directory, user, volumes } = settingsOf(
    text,
    `${configFile} of the image`,
  );
  const found = user === '' ? undefined : findUser(user, image, host);
  return {
    entrypoint,
    command,
    environment: environment.filter((entry) => entry.indexOf('=') > 0),
    ...(directory === '/' ? {} : { directory }),
    // root in an image is whoever runs it
    ...(found && found.uid !== 0 ? { user: found } : {}),
    volumes,
  };
}

/** The fields of each line of passwd(5) or group(5). */
const linesOf = (text: string | undefined) => (text ?? '').split('\n').map((line) => line.split(':'));

const isNumber = (text: string) => /^[0-9]{1,10}$/.test(text) && Number(text) < 2 ** 32 - 1;

/** USER[:GROUP], each a name or a number, by the image's own files. */
function findUser(words: string, image: Image, host: Host): ImageUser {
  const [user = '', group] = words.split(':');
  const users = linesOf(host.readGuestFile(image, '/etc/passwd'));
  const [, , uid, gid, , home] =
    users.find(([name]) => name === user) ??
    users.find(([, , number]) => isNumber(user) && number === user) ??
    [];
  if (uid === undefined && !isNumber(user)) throw unknown('user', user, '/etc/passwd');
  return {
    uid: toId(uid ?? user, 'user'),
    gid: group ? findGroup(group, image, host) : toId(gid ?? '0', 'group'),
    home: home || '/',
  };
}

function findGroup(group: string, image: Image, host: Host): number {
  const [, , gid] = linesOf(host.readGuestFile(image, '/etc/group')).find(([name]) => name === group) ?? [];
  if (gid === undefined && !isNumber(group)) throw unknown('group', group, '/etc/group');
  return toId(gid ?? group, 'group');
}

function toId(text: string, what: string): number {
  if (isNumber(text)) return Number(text);
  throw new LaunchError(`the image has a ${what} with the number '${text}', which is none`);
}

function unknown(what: 'user' | 'group', name: string, file: string): LaunchError {
  return new LaunchError(`the image is to be run by ${what} '${name}', who is not in its ${file}`, {
    hint: `use --${what === 'user' ? 'uid' : 'gid'}, or give a command`,
  });
}
