/** The overlay over the image, and what is created there before anything is bound. */
import type { Host } from '../../host/host.js';
import type { CreateStep, Link } from '../../plan/launch-plan.js';
import type { LaunchRequest } from '../request.js';
import { planDestinations, type ResolvedBind } from './binds.js';
import { planLinks } from './links.js';
import { mergeBinds } from './merge-binds.js';
import { planOverlay } from './root.js';

/** What is created in the image; modes are set at the end. */
export interface ImageChanges {
  readonly links: readonly Link[];
  readonly libraries: readonly CreateStep[];
  readonly modes: readonly CreateStep[];
  /** Mount points that must exist although no writable image was requested. */
  readonly needsPlaces: boolean;
}

/** Directories, empty files and links need almost no memory. */
const sealedSize = '64m';

const isChanged = ({ links, libraries, modes }: ImageChanges) =>
  links.length + libraries.length + modes.length > 0;

/** Whether changes to the image are discarded, so that they may differ from the request. */
function vanishes({ writable, overlay }: LaunchRequest, changes: ImageChanges): boolean {
  if (overlay !== undefined) return 'memory' in overlay;
  return !writable && (changes.needsPlaces || isChanged(changes));
}

/** Merges binds where links can safely replace them. */
export function planMerge(
  request: LaunchRequest,
  binds: readonly ResolvedBind[],
  changes: ImageChanges,
  host: Host,
): { readonly binds: readonly ResolvedBind[]; readonly changes: ImageChanges } {
  if (!vanishes(request, changes)) return { binds, changes };
  const merged = mergeBinds(binds, (path) => host.isPlainFile(path));
  return { binds: merged.binds, changes: { ...changes, links: [...merged.links, ...changes.links] } };
}

/** The step before the container is ready: unless writing was requested, its root directory is read-only. */
export function planSeal(request: LaunchRequest, changes: ImageChanges): readonly CreateStep[] {
  return request.overlay === undefined && vanishes(request, changes) ? [{ kind: 'seal' }] : [];
}

/** The steps between mounting the image and the binds. Unless writing was requested, changes are made in memory. */
export function planUpper(
  request: LaunchRequest,
  binds: readonly ResolvedBind[],
  changes: ImageChanges,
  host: Host,
): readonly CreateStep[] {
  const made = [...planDestinations(binds), ...planLinks(changes.links), ...changes.libraries];
  const upper = planUpperStep(request, changes, made.length > 0, host);
  if (upper === undefined) return [...planOverlay(request, host), ...made, ...changes.modes];
  return [upper, ...made, { kind: 'overlay', upper: 'made' }, ...changes.modes];
}

/** Where files are created before the overlay is mounted; undefined if there is no overlay, or nothing is created. */
function planUpperStep(
  request: LaunchRequest,
  changes: ImageChanges,
  made: boolean,
  host: Host,
): CreateStep | undefined {
  const { overlay } = request;
  if (overlay === undefined) {
    return vanishes(request, changes) ? { kind: 'upper', upper: 'memory', size: sealedSize } : undefined;
  }
  if (!made) return undefined;
  if ('memory' in overlay) return { kind: 'upper', upper: 'memory', size: overlay.memory };
  return { kind: 'upper', upper: 'directory', path: host.absolute(overlay.directory) };
}
