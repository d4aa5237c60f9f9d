/** Host files that a device needs: libraries, programs, sockets. */

import { LaunchError } from '../../base/errors.js';
import type { Edits } from '../../cdi/edits.js';
import type { Mount } from '../../cdi/spec.js';
import type { Host } from '../../host/host.js';
import type { BindFlag } from '../../plan/bind-words.js';
import { isHosts, type ResolvedBind } from './binds.js';

export interface DeviceBind extends ResolvedBind {
  readonly directory: boolean;
}

/** Options of mount(8) that binds have, too. */
const flagOf: Readonly<Record<string, BindFlag>> = {
  ro: 'ro',
  nosuid: 'nosuid',
  nodev: 'nodev',
  noexec: 'noexec',
};

/** Options that binds imply, or that make no difference in a private mount namespace. */
const implied = new Set([
  ...['bind', 'rbind', 'rw', 'suid', 'dev', 'exec', 'defaults'],
  ...['private', 'rprivate', 'slave', 'rslave', 'relatime', 'norelatime'],
]);

/** Of mounts at one mount point the last counts; outer ones come first. Throws LaunchError if a source is missing. */
export function planMounts(
  edits: readonly Edits[],
  host: Host,
): { readonly binds: readonly DeviceBind[]; readonly warnings: readonly string[] } {
  const all = edits.flatMap(({ mounts = [], file }) => mounts.map((mount) => ({ mount, file })));
  const mounts = [...new Map(all.map((each) => [each.mount.containerPath, each])).values()];
  const binds = mounts
    .filter(({ mount }) => isBind(mount))
    .flatMap(({ mount, file }) => planMount(mount, file, host))
    .sort((a, b) => depth(a.destination) - depth(b.destination));
  return { binds, warnings: [...new Set(mounts.flatMap(({ mount, file }) => warnAbout(mount, file)))] };
}

function isBind({ type = 'bind', options = [] }: Mount): boolean {
  return ['', 'bind', 'none'].includes(type) || options.some((option) => /^r?bind$/.test(option));
}

/** Empty for paths that a container shares with the host anyway. */
function planMount(
  { hostPath, containerPath, options = [] }: Mount,
  file: string,
  host: Host,
): readonly DeviceBind[] {
  const kind = host.pathKind(hostPath);
  if (kind === 'absent') {
    throw new LaunchError(`can't bind ${hostPath}, which ${file} names: there is no such file`, {
      path: hostPath,
      hint: "was the driver updated? Create the file again with the vendor's tool",
    });
  }
  if (isHosts(containerPath)) {
    if (hostPath === containerPath) return [];
    if (host.pathKind(containerPath) === 'absent') {
      throw new LaunchError(
        `can't bind ${hostPath} to ${containerPath} as ${file} says: that path belongs to the host`,
        {
          path: containerPath,
        },
      );
    }
  }
  const flags = options.flatMap((option) => flagOf[option] ?? []);
  return [{ source: hostPath, destination: containerPath, flags, directory: kind === 'directory' }];
}

function warnAbout({ containerPath, options = [], type }: Mount, file: string): readonly string[] {
  const mount: Mount = { hostPath: '', containerPath, options, ...(type === undefined ? {} : { type }) };
  if (!isBind(mount))
    return [`${containerPath} is not mounted: ${file} requests a file system of type ${type}`];
  const unknown = options.filter((option) => !(option in flagOf) && !implied.has(option));
  return unknown.map((option) => `the mount option ${option} in ${file} has no effect`);
}

const depth = (path: string): number => path.split('/').filter((part) => part !== '').length;
