/** The systemd manager of control groups: a transient scope, and what it limits. Pure functions. */
import { LaunchError } from '../../base/errors.js';
import type { OutsideStep } from '../../plan/launch-plan.js';
import type { Resources } from '../config/resources.js';
import { weightOfShares } from './settings.js';

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

const limitProperty = (name: string, value: number | undefined): readonly (readonly string[])[] =>
  value === undefined || value === 0 ? [] : [[name, 't', value < 0 ? infinity : BigInt(value).toString()]];

/** What systemd would set again from its own idea of the unit, had it none. */
export function scopeProperties({
  memory = {},
  cpu = {},
  pids = {},
}: Resources): readonly (readonly string[])[] {
  const { quota, period } = cpu;
  const perSecond = quota && quota > 0 ? Math.round((quota * 1_000_000) / (period || 100_000)) : undefined;
  return [
    ...limitProperty('MemoryMax', memory.limit),
    ...limitProperty('TasksMax', pids.limit),
    ...(cpu.shares ? [['CPUWeight', 't', String(weightOfShares(cpu.shares))]] : []),
    ...(perSecond === undefined ? [] : [['CPUQuotaPerSecUSec', 't', String(perSecond)]]),
  ];
}

export interface ScopeRequest {
  readonly cgroupsPath: string | undefined;
  readonly id: string;
  readonly isRoot: boolean;
  readonly resources: Resources;
  /** A limit was asked for. */
  readonly isNeeded: boolean;
}

export function planScope({ cgroupsPath, id, isRoot, resources, isNeeded }: ScopeRequest): OutsideStep {
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
      ...scopeProperties(resources),
    ],
  };
}
