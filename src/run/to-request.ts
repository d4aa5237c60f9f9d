/** From the values of the options to a request. All throw LaunchError with exit status 64. */

import { valueError } from '../base/errors.js';
import { parseDevice } from '../cdi/names.js';
import { rowOf } from '../cli/program.js';
import { checkValues, type RawValues } from '../cli/values.js';
import { parseBind } from '../plan/bind-words.js';
import { parseCount, parseEnvironment, parseId } from './option-values.js';
import { options, type RunValues } from './options.js';
import type { LaunchRequest } from './request.js';

/** The request of a command line that launches `image`. */
export function toRequest(values: RunValues, image: string): LaunchRequest {
  const { quiet = 0, verbose = 0, color = rowOf(options, 'color').default } = values;
  const expand = !values['env-no-expand'];
  const over = parseOverlay(values);
  return {
    image,
    ...(values.storage === undefined ? {} : { storage: directoryOf(values.storage, 'storage') }),
    // nothing is written to the image if there is an overlay over it
    writable: Boolean(values.write) && over.overlay === undefined,
    ...over,
    ...(values.mount === undefined ? {} : { mountPoint: directoryOf(values.mount, 'mount') }),
    share: !values['no-share'],
    ...(values['no-read-ahead'] || values['no-memo'] ? { forgetReads: true } : {}),
    ...(values.unsafe ? { unsafe: true } : {}),
    home: Boolean(values.home),
    ...(values['no-home'] ? { noHome: true } : {}),
    binds: (values.bind ?? []).map((text) => parseBind(text)),
    ...parseDevices(values),
    ...(values.cd === undefined ? {} : { directory: values.cd }),
    ...(values.pull === undefined ? {} : { pull: values.pull }),
    ...(values['image-config'] ? { imageConfig: 'command' } : {}),
    ...(values['no-volumes'] ? { noVolumes: true } : {}),
    tmp: values['private-tmp'] ? 'private' : 'host',
    environment: (values.environment ?? []).map((text) => parseEnvironment(text, expand)),
    ...(values.uid === undefined ? {} : { uid: parseId('uid', values.uid) }),
    ...(values.gid === undefined ? {} : { gid: parseId('gid', values.gid) }),
    ...(values.hostname === undefined ? {} : { hostname: values.hostname }),
    identity: values['no-passwd'] || managesUsers(values) ? 'image' : 'host',
    fakeRoot: Boolean(values.seccomp),
    unmask: Boolean(values.unmask),
    ...(values['new-keyring'] ? { newKeyring: true } : {}),
    ...parseJoin(values),
    verbosity: Math.min(verbose, 3) - Math.min(quiet, 3),
    color,
    log: values.log ?? rowOf(options, 'log').default,
    syslog: Boolean(values.syslog),
  };
}

function parseDevices(values: RunValues): Pick<LaunchRequest, 'devices'> {
  const { device: names = [], devices, 'cdi-dirs': dirs, 'cdi-run-hooks': runHooks } = values;
  const wrong = names.find((name) => parseDevice(name) === undefined);
  if (wrong !== undefined) throw valueError('device', 'vendor.com/class=name or a path', wrong);
  const directories = dirs?.split(':');
  if (directories?.includes('')) throw valueError('cdi-dirs', 'directories separated by colons', dirs ?? '');
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

/** Checks values that may come from different places, before they are combined. */
export function checkRunValues(values: RawValues): void {
  toRequest(checkValues(options, values), '');
}

/** An empty one would be the working directory. */
export function directoryOf(path: string, name: 'overlay' | 'storage' | 'mount'): string {
  if (path === '') throw valueError(name, 'a directory', path);
  return path;
}

/** For a package manager as root, which adds users to the image's passwd: a file bound there can't be replaced. */
function managesUsers(values: RunValues): boolean {
  return Boolean(values.seccomp) && values.uid !== undefined && Number(values.uid) === 0;
}

function parseJoin(values: RunValues): Pick<LaunchRequest, 'join'> {
  const { 'join-ct': count, 'join-tag': tag, 'join-timeout': timeout, 'join-pid': pid } = values;
  if (pid !== undefined)
    return { join: { kind: 'process', pid: parseCount('join-pid', 'a process ID', pid) } };
  if (!values.join && count === undefined && tag === undefined && timeout === undefined) return {};
  if (tag === '') throw valueError('join-tag', 'a tag', '');
  return {
    join: {
      kind: 'peers',
      ...(count === undefined ? {} : { count: parseCount('join-ct', 'a number of peers', count) }),
      ...(tag === undefined ? {} : { tag }),
      timeout: parseCount(
        'join-timeout',
        'a number of seconds',
        timeout ?? rowOf(options, 'join-timeout').default,
      ),
    },
  };
}

/** --write-fake and --overlay; --home needs one of them. With --write, too, writes are then discarded. */
function parseOverlay(values: RunValues): Pick<LaunchRequest, 'overlay'> {
  if (values.overlay !== undefined) return { overlay: { directory: directoryOf(values.overlay, 'overlay') } };
  if (values['write-fake'] === undefined && !values.home) return {};
  return { overlay: { memory: values['write-fake'] ?? rowOf(options, 'write-fake').implied } };
}
