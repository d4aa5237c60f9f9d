/** The control groups of a container, and what they limit. */
import { LaunchError } from '../../base/errors.js';
import type { Host } from '../../host/host.js';
import type { OutsideStep } from '../../plan/launch-plan.js';
import type { GroupOf } from '../../plan/outside-kinds.js';
import type { Config } from '../config/config.js';
import type { Resources } from '../config/resources.js';
import { allRules, deviceLines, deviceProgram } from './device-rules.js';
import { findHierarchies, groupPath, type Hierarchy, hasController, versionsOf } from './hierarchies.js';
import { planScope } from './scope.js';
import { planSettings, type Setting, unknownInSecond } from './settings.js';

export interface GroupRequest {
  readonly config: Config;
  readonly id: string;
  /** Root of the machine: devices are limited, too. */
  readonly isRoot: boolean;
  readonly manager: 'cgroupfs' | 'systemd' | 'disabled';
  readonly host: Host;
}

const isOf =
  ({ controller, version }: Setting) =>
  (hierarchy: Hierarchy): boolean =>
    version === 1 ? hasController(hierarchy, controller) : hierarchy.controllers === '';

/** Useful to have in every group: what is used can be asked for. First what a group with processes refuses. */
export const usual = ['memory', 'io', 'cpu', 'cpuset', 'pids'];

/** Of limits, those that are asked for must be had; without any, the caller's group will do. */
function planGroups(
  { config, id, manager }: GroupRequest,
  hierarchies: readonly Hierarchy[],
  needed: readonly Setting[],
): readonly GroupOf[] {
  const cgroupsPath = config.linux?.cgroupsPath || undefined;
  return hierarchies.map((hierarchy) => ({
    controllers: hierarchy.controllers,
    mount: hierarchy.mount,
    path: manager === 'systemd' ? '' : groupPath(hierarchy, cgroupsPath, id),
    need: needed.some((setting) => isOf(setting)(hierarchy)) ? 'must' : cgroupsPath ? 'asked' : 'may',
  }));
}

/** The step that writes a setting; with only what is needed, others fail without a group. */
export function planSetting(setting: Setting): OutsideStep {
  return {
    kind: 'group-setting',
    controller: setting.version === 1 ? setting.controller : '',
    need: setting.needed ? 'must' : 'may',
    files: setting.files,
  };
}

function planDevices(resources: Resources, hierarchies: readonly Hierarchy[]): readonly OutsideStep[] {
  const { devices = [] } = resources;
  if (devices.length === 0) return [];
  const rules = allRules(devices);
  if (versionsOf(hierarchies)('devices') === 2)
    return hierarchies.some(({ controllers }) => controllers === '')
      ? [{ kind: 'group-devices', program: deviceProgram(rules) }]
      : [];
  return deviceLines(rules).map(([file, value]) => ({
    kind: 'group-setting',
    controller: 'devices',
    need: 'may',
    files: [[file, value]],
  }));
}

export interface GroupPlan {
  readonly steps: readonly OutsideStep[];
  readonly warnings: readonly string[];
  /** Where they are certain to be. */
  readonly groups: readonly GroupOf[];
}

/** The hierarchies of this machine, as the caller sees them. */
export function hierarchiesHere(host: Host): readonly Hierarchy[] {
  const { mounts, groups } = host.controlGroups();
  return findHierarchies(mounts, groups);
}

function refuseWithout(needed: readonly Setting[], hierarchies: readonly Hierarchy[]): void {
  const lost = needed.find((setting) => !hierarchies.some(isOf(setting)));
  if (lost)
    throw new LaunchError(
      `can't set ${lost.files[0]?.[0]}: there is no control group with the controller ${lost.controller}`,
    );
}

/** Where systemd makes a group is not known yet; but a control group namespace shows it as the root of version 2. */
const isUnified = (groups: readonly GroupOf[]): boolean =>
  groups.length === 1 && groups[0]?.controllers === '';

/** With --systemd-cgroup on a machine without it, the container stays where its caller is. */
const isWithoutSystemd = ({ manager, host }: GroupRequest): boolean =>
  manager === 'systemd' && host.pathKind('/run/systemd/system') !== 'directory';

export function planControlGroups(request: GroupRequest): GroupPlan {
  const resources = request.config.linux?.resources ?? {};
  const { config, id, isRoot, manager, host } = request;
  const hierarchies = manager === 'disabled' || isWithoutSystemd(request) ? [] : hierarchiesHere(host);
  const version = versionsOf(hierarchies);
  const settings = planSettings(resources, version);
  refuseWithout(
    settings.filter(({ needed }) => needed),
    hierarchies,
  );
  const warnings = unknownInSecond(resources, version);
  if (hierarchies.length === 0) return { steps: [], warnings, groups: [] };
  const needed = settings.filter((each) => each.needed);
  const groups = planGroups(request, hierarchies, needed);
  const scope = { cgroupsPath: config.linux?.cgroupsPath || undefined, id, isRoot, resources, version };
  const second = needed.filter((each) => each.version === 2).map(({ controller }) => controller);
  return {
    groups: isRoot && (manager === 'cgroupfs' || isUnified(groups)) ? groups : [],
    steps: [
      ...(manager === 'systemd' ? [planScope({ ...scope, isNeeded: needed.length > 0 })] : []),
      { kind: 'groups', enable: [...new Set([...usual, ...second])], groups },
      ...settings.map(planSetting),
      ...(isRoot ? planDevices(resources, hierarchies) : []),
    ],
    warnings,
  };
}
