/** Devices of the host (CDI): what their descriptions change in a container, as binds and steps. */
import { collectEdits, type Edits } from '../../cdi/edits.js';
import { type DevicesRequest, findDevices } from '../../cdi/find-devices.js';
import type { Host } from '../../host/host.js';
import type { CreateStep, EnterStep } from '../../plan/launch-plan.js';
import { isHosts, type ResolvedBind } from './binds.js';
import { planHooks } from './device-hooks.js';
import { planMounts } from './device-mounts.js';
import { planNodes } from './device-nodes.js';
import type { ImageChanges } from './upper.js';

export interface DevicesPlan {
  readonly binds: readonly ResolvedBind[];
  readonly changes: ImageChanges;
  /** Steps after all binds. */
  readonly hooks: readonly CreateStep[];
  /** The variables; the user's come later. */
  readonly environment: readonly EnterStep[];
  readonly warnings: readonly string[];
}

const nothing: DevicesPlan = {
  binds: [],
  changes: { links: [], libraries: [], modes: [], needsPlaces: false },
  hooks: [],
  environment: [],
  warnings: [],
};

/** Throws LaunchError if a device, or something that it needs, is missing. */
export function planDevices(request: DevicesRequest | undefined, host: Host): DevicesPlan {
  if (request === undefined) return nothing;
  const { devices, warnings } = findDevices(request, host);
  const edits = collectEdits(devices);
  const nodes = planNodes(edits, host);
  const mounts = planMounts(edits, host);
  const hooks = planHooks(edits, mounts.binds, request.runHooks, host);
  const binds = [...nodes.binds, ...mounts.binds];
  return {
    binds,
    changes: {
      links: hooks.links,
      libraries: hooks.libraries,
      modes: hooks.modes,
      needsPlaces: hooks.programs.length > 0 || binds.some(({ destination }) => !isHosts(destination)),
    },
    hooks: hooks.programs,
    environment: edits.flatMap(({ env = [] }) => env.map(setVariable)),
    warnings: [...warnings, ...nodes.warnings, ...mounts.warnings, ...hooks.warnings, ...leftOut(edits)],
  };
}

function setVariable(assignment: string): EnterStep {
  // one pair of quotes around a value is dropped when it is carried out
  const [, name = '', value = ''] = /^([^=]*)=('.*')$/s.exec(assignment) ?? [];
  const exact = name ? `${name}='${value}'` : assignment;
  return { kind: 'environment', action: 'set', assignment: exact, expand: false };
}

/** Warnings about what no unprivileged user can do, each once. */
function leftOut(edits: readonly Edits[]): readonly string[] {
  const groups = new Set(
    edits.flatMap(({ additionalGids = [] }) => additionalGids.filter((gid) => gid !== 0)),
  );
  const interfaces = edits.flatMap(({ netDevices = [] }) => netDevices.map((each) => each.hostInterfaceName));
  return [
    ...(groups.size === 0
      ? []
      : [
          `a device requests the groups ${[...groups].join(', ')}: groups can't be added without privilege; ` +
            'your groups on the host apply inside, too',
        ]),
    ...(interfaces.length === 0
      ? []
      : [
          `a device requests the network interfaces ${interfaces.join(', ')}: containers see those of the host, ` +
            "under the host's names",
        ]),
    ...(edits.some(({ intelRdt }) => intelRdt !== undefined)
      ? ['a device requests cache and memory bandwidth allocation (intelRdt), which needs privilege']
      : []),
  ];
}
