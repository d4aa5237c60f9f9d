/** What is saved of a container, in ROOT/ID: by the create plan, and read by later commands. */
import { failure, LaunchError, usageError } from '../base/errors.js';
import { native, type SystemError } from '../host/native.js';

/** Of state.json, what later decisions need. */
export interface SavedState {
  readonly pid: number;
  /** When that process started: clock ticks after boot, proc(5). */
  readonly start: number;
  readonly boot: string;
  readonly created: string;
  readonly bundle: string;
  readonly owner: string;
  readonly rootfs: string;
  /** What the standard streams were, as in /proc/PID/fd. */
  readonly descriptors?: readonly string[];
}

/** The directory of all containers, from --root or as the native part found it. */
export function requireRoot(root: unknown): string {
  if (root === undefined)
    throw usageError('there is no place for containers: XDG_RUNTIME_DIR is not set', 'give it with --root');
  if (typeof root !== 'string' || root === '')
    throw usageError(`expected a directory for --root, got '${String(root)}'`);
  return root;
}

function readJson(path: string, id: string, absent?: unknown): unknown {
  let text: string;
  try {
    ({ text } = native.content(path));
  } catch (cause) {
    if (absent !== undefined && (cause as SystemError).code === 'ENOENT') return absent;
    if ((cause as SystemError).code === 'ENOENT') throw new LaunchError(`container ${id} does not exist`);
    throw failure('read', path, cause);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new LaunchError(`the state ${path} is damaged`, { hint: 'delete --force removes the container' });
  }
}

export const readState = (root: string, id: string): SavedState =>
  readJson(`${root}/${id}/state.json`, id) as SavedState;

/** One of its control groups. */
export interface SavedGroup {
  /** Of systemd, that it belongs to: `system UNIT` or `user UNIT`. */
  readonly scope?: string;
  readonly controllers: string;
  readonly mount: string;
  readonly path: string;
}

export const readGroupsIfAny = (root: string, id: string): readonly SavedGroup[] =>
  readJson(`${root}/${id}/groups.json`, id, []) as readonly SavedGroup[];

/** Throws LaunchError where it has none. */
export function readGroups(root: string, id: string): readonly SavedGroup[] {
  readState(root, id);
  const groups = readGroupsIfAny(root, id);
  if (groups.length === 0) throw new LaunchError(`container ${id} has no control group: nothing limits it`);
  return groups;
}

/** The configuration that the container was created with, checked then. */
export const readConfig = (root: string, id: string): unknown => readJson(`${root}/${id}/config.json`, id);
