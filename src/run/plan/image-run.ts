/** Running an image as it says. docs/images.md. */
import { usageError } from '../../base/errors.js';
import type { Host } from '../../host/host.js';
import type { CreateStep, EnterStep } from '../../plan/launch-plan.js';
import { type ImageConfig, readImageConfig } from '../../store/image-config.js';
import type { Image } from '../../store/resolve-image.js';
import type { LaunchRequest } from '../request.js';
import { defaultPlaces, isHosts, type ResolvedBind } from './binds.js';

/** Undefined if nothing of it was requested. Throws LaunchError if the image says nothing. */
export function findImageConfig(request: LaunchRequest, image: Image, host: Host): ImageConfig | undefined {
  const { imageConfig } = request;
  if (imageConfig === undefined) return undefined;
  const found = readImageConfig(image, imageConfig, host);
  if (imageConfig === 'run' && !found?.entrypoint.length && !found?.command.length)
    throw usageError(
      'no command to run in the container',
      `${request.image} has neither an ENTRYPOINT nor a CMD: write ch-run-ts ${request.image} -- COMMAND`,
    );
  if (found) return found;
  throw usageError(
    '--image-config: the image has no configuration',
    'ch-image-ts keeps it in /ch/config.json',
  );
}

/** What --uid, --gid and --cd say takes precedence. */
export function applyImageConfig(request: LaunchRequest, config: ImageConfig | undefined): LaunchRequest {
  if (config === undefined) return request;
  const { user, directory } = config;
  return {
    ...(directory === undefined ? {} : { directory }),
    ...(user && request.uid === undefined ? { uid: user.uid, gid: user.gid } : {}),
    ...request,
    // the user has a name in the image's own files
    ...(user && request.uid === undefined ? { identity: 'image' } : {}),
  };
}

/** Image variables come before those of the user. */
export function planImageEnvironment(
  request: LaunchRequest,
  config: ImageConfig | undefined,
): readonly EnterStep[] {
  if (config === undefined) return [];
  const { user, namesIn } = config;
  const home = user && request.uid === undefined && !request.home ? [`HOME=${user.home}`] : [];
  return [
    ...['container=ch-run-ts', ...home, ...config.environment].map(setLiterally),
    ...(namesIn ? [{ kind: 'environment', action: 'name-in', variable: namesIn } as const] : []),
  ];
}

/** One pair of single quotes around a value would be dropped. */
function setLiterally(entry: string): EnterStep {
  const [, name, value] = /^([^=]*)=('.*')$/s.exec(entry) ?? [];
  const assignment = value === undefined ? entry : `${name}='${value}'`;
  return { kind: 'environment', action: 'set', assignment, expand: false };
}

/** What comes before the caller's command, or stands for it. */
export function planCommand({ imageConfig }: LaunchRequest, config: ImageConfig | undefined) {
  if (config === undefined) return {};
  const { entrypoint, command } = config;
  return { before: entrypoint, ...(imageConfig === 'run' ? { otherwise: command } : {}) };
}

/** The volumes that can't be written to otherwise: in memory. */
export function findVolumes(
  request: LaunchRequest,
  config: ImageConfig | undefined,
  binds: readonly ResolvedBind[],
): readonly string[] {
  if (config === undefined || request.noVolumes || request.writable || request.overlay) return [];
  const taken = new Set([
    ...defaultPlaces,
    ...binds.map(({ destination }) => destination.replace(/\/+$/, '')),
  ]);
  return config.volumes
    .map((path) => path.replace(/\/+$/, ''))
    .filter((path) => path.startsWith('/') && !taken.has(path) && !isOfHost(path));
}

/** A bind of its place, whose source is any directory, for {@link planDestinations}. */
export const placeFor = (path: string): ResolvedBind => ({ source: '/', destination: path, flags: [] });

/** The volumes and the working directory, if these may be missing. */
export function placesOf(
  request: LaunchRequest,
  config: ImageConfig | undefined,
  volumes: readonly string[],
) {
  const { directory = '/' } = request;
  const made = config?.directory === directory && directory.startsWith('/') && !isOfHost(directory);
  return [...volumes, ...(made ? [directory] : [])].map(placeFor);
}

const isOfHost = (path: string) => isHosts(path) || path === '/tmp' || path.startsWith('/tmp/');

export const planVolumes = (volumes: readonly string[]): readonly CreateStep[] =>
  volumes.map((destination) => ({
    kind: 'mount',
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    data: '',
    options: ['nosuid', 'nodev', 'copy-up'],
  }));
