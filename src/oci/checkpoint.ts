/** `checkpoint`: saves the processes of a container in files, by CRIU. */
import { LaunchError, usageError } from '../base/errors.js';
import { checkId } from '../containers/id.js';
import {
  readConfig,
  readGroupsIfAny,
  readState,
  requireRoot,
  type SavedGroup,
  type SavedState,
} from '../containers/saved.js';
import type { Host } from '../host/host.js';
import { native, type SystemError } from '../host/native.js';
import { isRootOfHost } from '../host/ownership.js';
import type { LaunchPlan } from '../plan/launch-plan.js';
import type { CriuOption } from '../plan/outside-kinds.js';
import type { Config } from './config/config.js';
import { checkConfig, ownNamespaces } from './config/read.js';
import type { Invocation, OciValues } from './main.js';
import { externalNames, on, requireGroups, sharedRequest, withText } from './plan/criu.js';
import { findExternalMounts, parseMounts } from './plan/external-mounts.js';
import { plainMessages } from './plan/messages.js';
import { findStream, type Stream } from './plan/streams.js';

/** Throws LaunchError if the caller is not root of the machine. */
export function requireRootForCriu(action: string, host: Host): void {
  if (isRootOfHost(host.user().uid, host)) return;
  throw new LaunchError(`can't ${action}: CRIU needs root of the machine`, {
    hint: 'containers of an ordinary user can be neither saved nor restored',
  });
}

export const imagesOf = (values: OciValues, host: Host): string =>
  host.absolute(typeof values['image-path'] === 'string' ? values['image-path'] : 'checkpoint');

export const workOf = (values: OciValues, host: Host): string =>
  typeof values['work-path'] === 'string' ? host.absolute(values['work-path']) : imagesOf(values, host);

/** What CRIU can't bring back. */
function refuse(action: string, config: Config, rootfs: string, host: Host): void {
  if (ownNamespaces(config).get('mount')?.path)
    throw new LaunchError(`can't ${action}: its mount namespace is that of others`, {
      hint: 'CRIU saves whole ones only',
    });
  if (host.pathKind(rootfs) !== 'directory')
    throw new LaunchError(`can't ${action}: its root file system ${rootfs} is an image file`, {
      hint: 'the server of the file is no part of the container: unpack it, and name the directory',
    });
}

/** A file of proc(5) of the container's first process; undefined if that has ended. */
function read(path: string): string | undefined {
  try {
    return native.content(path).text;
  } catch (cause) {
    if (['ENOENT', 'ESRCH'].includes((cause as SystemError).code)) return undefined;
    throw cause;
  }
}

/** The container's standard streams: how they were at its start, and what they are now. */
function streamsOf({ pid, descriptors = [] }: SavedState, config: Config): readonly Stream[] {
  if (config.process?.terminal) return [];
  return descriptors.map((name, number) => {
    const info = read(`/proc/${pid}/fdinfo/${number}`);
    if (info === undefined) return { name };
    const { kind, inode } = native.status(`/proc/${pid}/fd/${number}`);
    return { name, kind, inode, mount: Number(/^mnt_id:\s*(\d+)/m.exec(info)?.[1]) };
  });
}

/** Namespaces that it shares with others: they are there when it is restored. */
function externalNamespaces({ pid }: SavedState, config: Config): readonly CriuOption[] {
  const own = ownNamespaces(config);
  return (['network', 'pid'] as const)
    .filter((type) => own.get(type)?.path)
    .map((type) => {
      const file = type === 'network' ? 'net' : type;
      const { inode } = native.status(`/proc/${pid}/ns/${file}`);
      return withText('external', `${file}[${inode}]:${externalNames[type]}`);
    });
}

function freezer(groups: readonly SavedGroup[]): readonly CriuOption[] {
  const found =
    groups.find(({ controllers }) => controllers.split(',').includes('freezer')) ??
    groups.find(({ controllers }) => controllers === '');
  return found ? [withText('freeze_cgroup', `${found.mount}${found.path}`)] : [];
}

function withoutDots(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) part === '..' ? parts.pop() : parts.push(part);
  return parts.join('/');
}

function parentOf(values: OciValues, images: string, host: Host): readonly CriuOption[] {
  const parent = values['parent-path'];
  if (typeof parent !== 'string') return [];
  if (parent.startsWith('/'))
    throw usageError(`--parent-path must be relative to --image-path, got ${parent}`);
  const path = `${images}/${parent}`;
  // the directory itself is made later
  if (host.pathKind(host.pathKind(images) === 'absent' ? withoutDots(path) : path) !== 'directory')
    throw new LaunchError(`the directory ${path} of --parent-path does not exist`);
  return [withText('parent_img', parent), on('track_mem')];
}

/** What of it lies outside, and so is not saved. */
function outsideOf(state: SavedState, config: Config) {
  const table = read(`/proc/${state.pid}/mountinfo`) ?? '';
  const mounts = new Set(parseMounts(table).map(({ id }) => id));
  const streams = streamsOf(state, config).map((stream) => findStream(stream, mounts));
  return {
    descriptors: JSON.stringify(streams.map(({ name }) => name)),
    options: [
      ...findExternalMounts(table, config),
      ...streams.flatMap(({ external }) => external),
      ...externalNamespaces(state, config),
    ],
  };
}

export function checkpoint({ values, operands, host }: Invocation): LaunchPlan {
  const id = checkId(operands[0] ?? '');
  const root = host.absolute(requireRoot(values.root));
  const state = readState(root, id);
  const action = `checkpoint container ${id}`;
  requireRootForCriu(action, host);
  const { config } = checkConfig(readConfig(root, id), true);
  refuse(action, config, state.rootfs, host);
  const groups = readGroupsIfAny(root, id);
  requireGroups(values, config, groups.length > 0, action);
  const images = imagesOf(values, host);
  const isWhole = !values['pre-dump'];
  const outside = isWhole ? outsideOf(state, config) : { descriptors: '', options: [] };
  return {
    ...plainMessages,
    warnings: [],
    facts: host.facts(),
    outside: [
      { kind: 'pass', what: 'criu' },
      { kind: 'await-command' },
      {
        kind: 'checkpoint',
        root,
        id,
        images,
        work: workOf(values, host),
        descriptors: outside.descriptors,
        what: isWhole ? 'whole' : 'memory',
        after: isWhole && !values['leave-running'] ? 'remove' : 'leave',
        options: [
          ...sharedRequest(values, config, 'dump.log', groups.length > 0),
          ...(values['leave-running'] ? [on('leave_running')] : []),
          ...(isWhole ? [] : [on('track_mem')]),
          ...parentOf(values, images, host),
          ...freezer(groups),
          ...outside.options,
        ],
      },
    ],
    create: [
      { kind: 'descriptors', count: 0 },
      { kind: 'pass', what: 'criu' },
    ],
    enter: [{ kind: 'criu', namespaces: [] }],
  };
}
