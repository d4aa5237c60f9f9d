/** The systemd manager of control groups: a transient scope, and what it limits. Pure functions. */
import { LaunchError } from '../../base/errors.js';
import type { OutsideStep } from '../../plan/launch-plan.js';
import type { Resources } from '../config/resources.js';
import { planSettings, type Version } from './settings.js';

const partPattern = /^[\w:.\\@-]*$/;

/** `SLICE:PREFIX:NAME`; without a path, the id names the scope. */
export function scopeOf(
  cgroupsPath: string | undefined,
  id: string,
  isRoot: boolean,
): { readonly unit: string; readonly slice: string } {
  const parts = (cgroupsPath || `:ch-oci-ts:${id}`).split(':');
  const [slice = '', prefix = '', name = ''] = parts;
  if (
    parts.length !== 3 ||
    name === '' ||
    name.endsWith('.slice') ||
    !parts.every((part) => partPattern.test(part))
  )
    throw new LaunchError(
      `config.json: expected SLICE:PREFIX:NAME for linux.cgroupsPath with systemd, got '${cgroupsPath}'`,
    );
  return {
    unit: `${prefix ? `${prefix}-` : ''}${name}.scope`,
    slice: slice || (isRoot ? 'system.slice' : 'user.slice'),
  };
}

/** No limit, as D-Bus has it. */
const infinity = String(2n ** 64n - 1n);

/** Settings of version 2 that are properties of units, systemd.resource-control(5), and how a value is written there. */
const propertyNames: ReadonlyMap<string, string> = new Map([
  ['memory.max', 'MemoryMax'],
  ['memory.swap.max', 'MemorySwapMax'],
  ['memory.low', 'MemoryLow'],
  ['pids.max', 'TasksMax'],
  ['cpu.weight', 'CPUWeight'],
]);

function propertyOf([file, value]: readonly [string, string]): readonly string[] | undefined {
  const name = propertyNames.get(file);
  if (name) return [name, 't', value === 'max' ? infinity : value];
  if (file !== 'cpu.max') return undefined;
  const [quota = '', period] = value.split(' ');
  const perSecond = Math.round((Number(quota) * 1_000_000) / Number(period));
  return ['CPUQuotaPerSecUSec', 't', quota === 'max' ? infinity : String(perSecond)];
}

/** What systemd would set again from its own idea of the unit, had it none. Of version 1, it knows no limit of swap. */
export function scopeProperties(
  { memory: { swap, ...memory } = {}, cpu = {}, pids = {} }: Resources,
  version: Version,
): readonly (readonly string[])[] {
  const counted = version('memory') === 1 || swap === undefined ? memory : { ...memory, swap };
  return planSettings({ memory: counted, cpu, pids }, () => 2)
    .flatMap(({ files }) => files)
    .map(propertyOf)
    .filter((property) => property !== undefined);
}

export interface ScopeRequest {
  readonly cgroupsPath: string | undefined;
  readonly id: string;
  readonly isRoot: boolean;
  readonly resources: Resources;
  readonly version: Version;
  /** A limit was asked for. */
  readonly isNeeded: boolean;
}

export function planScope({
  cgroupsPath,
  id,
  isRoot,
  resources,
  version,
  isNeeded,
}: ScopeRequest): OutsideStep {
  const { unit, slice } = scopeOf(cgroupsPath, id, isRoot);
  return {
    kind: 'scope',
    unit,
    manager: isRoot ? 'system' : 'user',
    need: isNeeded ? 'must' : 'asked',
    properties: [
      ['Slice', 's', slice],
      ['Description', 's', `container ${id}`],
      ['Delegate', 'b', 'true'],
      ['DefaultDependencies', 'b', 'false'],
      ['CollectMode', 's', 'inactive-or-failed'],
      ...scopeProperties(resources, version),
    ],
  };
}
