/** How the image becomes a root directory, and what can be written there. */
import { LaunchError } from '../../base/errors.js';
import type { Host } from '../../host/host.js';
import type { BindRequest } from '../../plan/bind-words.js';
import type { CreateStep } from '../../plan/launch-plan.js';
import type { Image } from '../../store/resolve-image.js';
import type { LaunchRequest } from '../request.js';

/** Over the root directory: hides nothing, because only descriptors lead there. */
const outOfTheWay = '/';

const offsetOf = ({ offset }: Image) => (offset === undefined ? {} : { offset });
const fileOf = ({ path, way }: Image) => ({ path, ...(way ? { way } : {}) });

/** Steps before the namespaces: a file-system server must not run in them. */
export function planServer(image: Image, { share, forgetReads }: LaunchRequest): readonly CreateStep[] {
  if (image.kind === 'directory') return [];
  const server = share ? 'shared' : 'private';
  return [{ kind: 'squashfs', ...fileOf(image), ...offsetOf(image), server, remember: !forgetReads }];
}

/** The image as the future root directory. */
export function planMount(image: Image, { writable, mountPoint }: LaunchRequest, host: Host): CreateStep {
  if (image.kind === 'directory') {
    return { kind: 'root', ...fileOf(image), access: writable ? 'writable' : 'read-only' };
  }
  if (mountPoint === undefined) return { kind: 'attach', place: outOfTheWay };
  const place = host.absolute(mountPoint);
  if (host.pathKind(place) !== 'directory') {
    throw new LaunchError(`can't mount the image: there is no directory ${mountPoint}`, { path: place });
  }
  return { kind: 'attach', place };
}

/** What is written to instead of the image, if requested. */
export function planOverlay({ overlay }: LaunchRequest, host: Host): readonly CreateStep[] {
  if (overlay === undefined) return [];
  if ('memory' in overlay) return [{ kind: 'overlay', upper: 'memory', size: overlay.memory }];
  return [{ kind: 'overlay', upper: 'directory', path: host.absolute(overlay.directory) }];
}

/** Warnings about options that have no effect with this image. */
export function warnAboutImage(image: Image, { mountPoint }: LaunchRequest): readonly string[] {
  if (mountPoint === undefined || image.kind === 'squashfs') return [];
  return ['--mount is ignored: a directory image needs no mount point'];
}

/** Notes that are printed only with -v. */
export function noteNoHome({ noHome, verbosity }: LaunchRequest): readonly string[] {
  if (!noHome || verbosity <= 0) return [];
  return ['--no-home does nothing: the home directory is bound with --home only'];
}

/** --home: the bind, and the assignment of HOME. Throws LaunchError if the home directory or user name is unknown. */
export function planHome(host: Host): { readonly bind: BindRequest; readonly home: string } {
  const source = host.variable('HOME');
  if (!source) throw new LaunchError("can't bind the home directory: HOME is not set");
  const user = host.userName();
  if (!user)
    throw new LaunchError("can't bind the home directory: USER is not set, and your user id has no name");
  if (user === '.' || user === '..' || user.includes('/'))
    throw new LaunchError(`can't bind the home directory: USER is '${user}', which is not a user name`);
  const home = `/home/${user}`;
  return { bind: { source, destination: home }, home };
}
