/** What the caller wants in a bundle besides what every one has: `--bind` and `--device`. */
import { LaunchError } from '../base/errors.js';
import { collectEdits, type Edits } from '../cdi/edits.js';
import { findDevices } from '../cdi/find-devices.js';
import { type Host, kindIfAny } from '../host/host.js';
import { type BindFlag, parseBind } from '../plan/bind-words.js';
import { bindMount, type Mount } from './bundle-config.js';

export interface Wishes {
  readonly mounts: readonly Mount[];
  /** `NAME=VALUE` each. */
  readonly environment: readonly string[];
  /** By their moments, as in config.json. */
  readonly hooks: Readonly<Record<string, readonly object[]>>;
  readonly warnings: readonly string[];
}

/** The words of mount(8); the others are of no use here, or the default. */
function mountOptions(flags: readonly BindFlag[]): readonly string[] {
  const known = flags.filter((flag) => /^(ro|nosuid|nodev|noexec)$/.test(flag));
  return known.flatMap((flag) => [flag, `r${flag}`]);
}

function bindsOf(texts: readonly string[], host: Host): readonly Mount[] {
  return texts.flatMap((text) => {
    const { source, destination, flags = [] } = parseBind(text);
    const path = host.absolute(source);
    if (kindIfAny(path, host) !== 'absent')
      return [bindMount(path, destination ?? path, ...mountOptions(flags))];
    if (flags.includes('optional')) return [];
    throw new LaunchError(`can't bind ${source}: no such file or directory`, { path });
  });
}

/** The host's /dev is there already: what has another name inside is bound. */
const nodesOf = ({ deviceNodes = [] }: Edits): readonly Mount[] =>
  deviceNodes
    .filter(({ path, hostPath = path }) => hostPath !== path || !path.startsWith('/dev/'))
    .map(({ path, hostPath = path }) => bindMount(hostPath, path));

const mountsOf = ({ mounts = [] }: Edits): readonly Mount[] =>
  mounts.map(({ hostPath, containerPath, options = [] }) => bindMount(hostPath, containerPath, ...options));

function hooksOf(all: readonly Edits[]): Wishes['hooks'] {
  const hooks = all.flatMap((edits) => edits.hooks ?? []);
  const moments = [...new Set(hooks.map(({ hookName }) => hookName))];
  return Object.fromEntries(
    moments.map((moment) => [
      moment,
      hooks.filter(({ hookName }) => hookName === moment).map(({ hookName: _, ...hook }) => hook),
    ]),
  );
}

/** Throws LaunchError if something that is asked for is missing. */
export function wishesOf(binds: readonly string[], names: readonly string[], host: Host): Wishes {
  const found =
    names.length === 0
      ? { devices: [], warnings: [] }
      : findDevices({ names, all: false, runHooks: false }, host);
  const edits = collectEdits(found.devices);
  return {
    mounts: [...edits.flatMap(nodesOf), ...edits.flatMap(mountsOf), ...bindsOf(binds, host)],
    environment: edits.flatMap(({ env = [] }) => env),
    hooks: hooksOf(edits),
    warnings: found.warnings,
  };
}
