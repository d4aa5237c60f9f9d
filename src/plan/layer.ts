/** What lies over the image, and what is made there before anything is bound. */
import type { Host } from '../host.js';
import type { LaunchRequest } from '../request.js';
import { planDestinations, type ResolvedBind } from './binds.js';
import { planOverlay } from './image.js';
import type { Step } from './launch-plan.js';

/** What is to be made in the image: links and the like, and modes, which need what is there. */
export interface ImageChanges {
  readonly links: readonly Step[];
  readonly modes: readonly Step[];
  /** Places for binds that must be there although nobody asked for a writable image. */
  readonly needsPlaces: boolean;
}

/** Directories, empty files and links take next to nothing. */
const sealedSize = '64m';

/**
 * The steps between the image's mount and the binds. Where nobody asked for writing, changes are made in memory, and
 * the container's root is as read-only as the image.
 */
export function planLayer(
  request: LaunchRequest,
  binds: readonly ResolvedBind[],
  { links, modes, needsPlaces }: ImageChanges,
  host: Host,
): readonly Step[] {
  const { writable, overlay } = request;
  const unasked = !writable && overlay === undefined;
  if (links.length + modes.length === 0 && !(needsPlaces && unasked)) {
    return [...planOverlay(request, host), ...planDestinations(binds, !unasked)];
  }
  if (writable || (overlay !== undefined && 'directory' in overlay)) {
    return [...planOverlay(request, host), ...links, ...modes];
  }
  return [
    { kind: 'layer', size: overlay === undefined ? sealedSize : overlay.memory },
    ...planDestinations(binds, false),
    ...links,
    { kind: 'overlay', upper: 'layer' },
    ...modes,
    ...(unasked ? [{ kind: 'seal' } as const] : []),
  ];
}
