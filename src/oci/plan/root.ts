/** What becomes the root directory of a container: a directory, or what is in a SquashFS or SIF file. */
import { LaunchError } from '../../base/errors.js';
import type { Host } from '../../host/host.js';
import type { CreateStep } from '../../plan/launch-plan.js';
import { type Image, identifyFile } from '../../store/resolve-image.js';
import type { Config } from '../config/config.js';
import type { UserNamespace } from './identities.js';
import type { CreateRequest } from './make-plan.js';
import { joinsMounts } from './namespaces.js';

/** Writes to a file's content go to memory, this much of it; what is made there before the root is sealed is small. */
const memory = { writable: '12%', sealed: '64m' } as const;

/** Throws LaunchError if there is nothing that can be one. */
export function findRoot(
  { config, bundle, hasNames }: Pick<CreateRequest, 'config' | 'bundle' | 'hasNames'>,
  host: Host,
): Image {
  const { path } = config.root;
  // it is found in that namespace
  if (joinsMounts(config)) return { kind: 'directory', path };
  const absolute = path.startsWith('/') ? path : `${bundle}/${path}`;
  if (hasNames) return { kind: 'directory', path: absolute };
  const owner = host.ownerOf(absolute, 'no-follow');
  if (owner === undefined) throw new LaunchError(`the root file system ${absolute} does not exist`);
  switch (owner.kind) {
    case 'directory':
      return { kind: 'directory', path: absolute };
    case 'file':
      return identifyFile(`the root file system ${absolute}`, absolute, host);
    case 'link':
      throw new LaunchError(`the root file system ${absolute} is a symbolic link`);
    case 'other':
      throw new LaunchError(`the root file system ${absolute} is not a directory`);
  }
}

/** The first step: the server of a file must be neither in the container's namespaces nor in its control groups. */
export function planServer(root: Image, user: UserNamespace, host: Host): readonly CreateStep[] {
  if (root.kind === 'directory') return [];
  if (!isAlone(user, host))
    throw new LaunchError(
      `the root file system ${root.path} is a file: that needs a user namespace where only your own ids are mapped`,
      { hint: 'FUSE lets no other ids in; unpack the file, and name the directory' },
    );
  const { path, offset } = root;
  return [{ kind: 'squashfs', path, server: 'shared', ...(offset === undefined ? {} : { offset }) }];
}

function isAlone({ kind, users, groups }: UserNamespace, host: Host): boolean {
  const { uid, gid } = host.user();
  const isOnly = (ranges: UserNamespace['users'], own: number) =>
    ranges.length === 1 && ranges[0]?.count === 1 && ranges[0].outside === own;
  return kind === 'new' && isOnly(users, uid) && isOnly(groups, gid);
}

/** A file can't be written to, and lacks places for mounts: there is an overlay in memory over it. */
export function planRoot(root: Image, { root: { readonly }, process }: Config): readonly CreateStep[] {
  if (root.kind === 'directory') return [{ kind: 'root', path: root.path, access: 'writable' }];
  const directory = process?.cwd || '/';
  return [
    { kind: 'attach', place: '/' },
    { kind: 'overlay', upper: 'memory', size: readonly ? memory.sealed : memory.writable },
    ...(directory === '/'
      ? []
      : [{ kind: 'destinations', binds: [{ source: '/', destination: directory }] } as const]),
  ];
}
