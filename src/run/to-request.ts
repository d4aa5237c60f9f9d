/** From the values of the options to what the user wants. All throw LaunchError with exit status 64. */

import { usageError, valueError } from '../base/errors.js';
import { findNul } from '../base/nul.js';
import { parseDevice } from '../cdi/names.js';
import {
  parseBind,
  parseColor,
  parseCount,
  parseEnvironment,
  parseFormat,
  parseId,
  parseTextOrJson,
} from './option-values.js';
import type { OptionName } from './options.js';
import type { LaunchRequest } from './request.js';

/** Values by option name; what is absent was not given. */
export type Values = { readonly [Name in OptionName | 'environment']?: unknown };

/** The request of a command line that launches `image`. */
export function toRequest(values: Values, image: string): LaunchRequest {
  const quiet = Number(values.quiet ?? 0);
  const verbose = Number(values.verbose ?? 0);
  if (quiet > 0 && verbose > 0) throw usageError('--quiet and --verbose exclude each other');
  const expand = !values['env-no-expand'];
  const layer = parseOverlay(values);
  return {
    image,
    ...(values.storage === undefined ? {} : { storage: directoryOf(values, 'storage') }),
    // nothing is written in the image where something lies over it
    writable: Boolean(values.write) && layer.overlay === undefined,
    ...layer,
    ...(values.mount === undefined ? {} : { mountPoint: directoryOf(values, 'mount') }),
    share: !values['no-share'],
    ...(values.unsafe ? { unsafe: true } : {}),
    ...parseHome(values),
    binds: ((values.bind as string[]) ?? []).map((text) => parseBind(text)),
    ...parseDevices(values),
    directory: values.cd === undefined ? '/' : String(values.cd),
    tmp: values['private-tmp'] ? 'private' : 'host',
    environment: ((values.environment as string[]) ?? []).map((text) => parseEnvironment(text, expand)),
    ...(values.uid === undefined ? {} : { uid: parseId('uid', String(values.uid)) }),
    ...(values.gid === undefined ? {} : { gid: parseId('gid', String(values.gid)) }),
    identity: values['no-passwd'] || managesUsers(values) ? 'image' : 'host',
    fakeRoot: Boolean(values.seccomp),
    unmask: Boolean(values.unmask),
    ...(values['new-keyring'] ? { newKeyring: true } : {}),
    ...parseJoin(values),
    verbosity: Math.min(verbose, 3) - Math.min(quiet, 3),
    color: parseColor(values.color),
    log: parseTextOrJson('log', String(values.log ?? 'text')),
    syslog: Boolean(values.syslog),
  };
}

function parseHome(values: Values): Pick<LaunchRequest, 'home' | 'noHome'> {
  if (values.home && values['no-home']) throw usageError('--home and --no-home exclude each other');
  return { home: Boolean(values.home), ...(values['no-home'] ? { noHome: true } : {}) };
}

function parseDevices(values: Values): Pick<LaunchRequest, 'devices'> {
  const { device = [], devices, 'cdi-dirs': dirs, 'cdi-run-hooks': runHooks } = values;
  const names = device as readonly string[];
  const wrong = names.find((name) => parseDevice(name) === undefined);
  if (wrong !== undefined) throw valueError('device', 'vendor.com/class=name or a path', wrong);
  const directories = dirs === undefined ? undefined : String(dirs).split(':');
  if (directories?.includes(''))
    throw valueError('cdi-dirs', 'directories separated by colons', String(dirs));
  if (names.length === 0 && !devices) return {};
  return {
    devices: {
      names,
      all: Boolean(devices),
      ...(directories ? { directories } : {}),
      runHooks: Boolean(runHooks),
    },
  };
}

/** Checks values that may not all come from one place, before they are put together. */
export function checkValues(values: Values): void {
  const nul = findNul(values);
  if (nul !== undefined) throw usageError(`NUL in a value of ${nul}`);
  toRequest(values, '');
  if (values['dry-run'] !== undefined) parseFormat(String(values['dry-run']));
}

/** An empty one would be the working directory. */
export function directoryOf(values: Values, name: 'overlay' | 'storage' | 'mount'): string {
  const path = String(values[name]);
  if (path === '') throw valueError(name, 'a directory', path);
  return path;
}

/** A package manager as root: it looks users up in the image's passwd, and adds to it. A file bound there can't be replaced. */
function managesUsers(values: Values): boolean {
  return Boolean(values.seccomp) && values.uid !== undefined && Number(values.uid) === 0;
}

const defaultJoinTimeout = 30;

function parseJoin(values: Values): Pick<LaunchRequest, 'join'> {
  const { 'join-ct': count, 'join-tag': tag, 'join-timeout': timeout, 'join-pid': pid } = values;
  if (pid !== undefined) {
    if (count !== undefined || tag !== undefined || timeout !== undefined) {
      throw usageError(
        '--join-pid enters the container of a process: there are no peers to count, name or wait for',
      );
    }
    return { join: { kind: 'process', pid: parseCount('join-pid', 'a process number', String(pid)) } };
  }
  if (!values.join && count === undefined && tag === undefined && timeout === undefined) return {};
  if (tag === '') throw valueError('join-tag', 'a tag', '');
  return {
    join: {
      kind: 'peers',
      ...(count === undefined ? {} : { count: parseCount('join-ct', 'a number of peers', String(count)) }),
      ...(tag === undefined ? {} : { tag: String(tag) }),
      timeout:
        timeout === undefined
          ? defaultJoinTimeout
          : parseCount('join-timeout', 'a number of seconds', String(timeout)),
    },
  };
}

/** --write-fake and --overlay; --home needs one of them. With --write, what is written vanishes all the same. */
function parseOverlay(values: Values): Pick<LaunchRequest, 'overlay'> {
  const rival = (['write', 'write-fake'] as const).find((name) => values[name] !== undefined);
  if (rival && values.overlay !== undefined) throw usageError(`--${rival} and --overlay exclude each other`);
  if (values.overlay !== undefined) return { overlay: { directory: directoryOf(values, 'overlay') } };
  if (values['write-fake'] === undefined && !values.home) return {};
  const size = String(values['write-fake'] ?? '') || '12%';
  // tmpfs takes 0 for no limit at all
  if (!/^0*[1-9][0-9]*[kmg%]?$/i.test(size)) {
    throw valueError('write-fake', 'a size such as 12%, 500m or 2g', size);
  }
  return { overlay: { memory: size } };
}
