/** `update`: other limits for a container that is there. */
import { LaunchError, usageError } from '../base/errors.js';
import { checkId } from '../containers/id.js';
import { readGroups, requireRoot, type SavedGroup } from '../containers/saved.js';
import { native, type SystemError } from '../host/native.js';
import { checkFields } from './config/check.js';
import { dropNulls, parseJson } from './config/read.js';
import { type Resources, resourceFields } from './config/resources.js';
import type { Invocation, OciValues } from './main.js';
import { versionsOf } from './plan/hierarchies.js';
import { scopeProperties } from './plan/scope.js';
import { planSettings, type Setting, unknownInSecond, type Version } from './plan/settings.js';

const units: Readonly<Record<string, number>> = { k: 10, m: 20, g: 30, t: 40 };

/** `64M`: a number of bytes, with the units of 1024. */
function bytesOf(text: string): number {
  const [, digits = '', unit = ''] = /^(-?\d+)([kmgt]?)b?$/i.exec(text) ?? [];
  return Number(digits) * 2 ** (units[unit.toLowerCase()] ?? 0);
}

/** Parts of linux.resources that options set. */
function resourcesOf(values: OciValues): Resources {
  const number = (name: string, convert: (text: string) => number = Number) => {
    const value = values[name];
    return typeof value === 'string' ? { value: convert(value) } : undefined;
  };
  const text = (name: string) => (typeof values[name] === 'string' ? { value: values[name] } : undefined);
  const some = <Value>(parts: Readonly<Record<string, { readonly value: Value } | undefined>>) =>
    Object.fromEntries(Object.entries(parts).flatMap(([name, part]) => (part ? [[name, part.value]] : [])));
  return {
    memory: some({
      limit: number('memory', bytesOf),
      swap: number('memory-swap', bytesOf),
      reservation: number('memory-reservation', bytesOf),
      kernelTCP: number('kernel-memory-tcp', bytesOf),
    }),
    cpu: some<unknown>({
      shares: number('cpu-share'),
      period: number('cpu-period'),
      quota: number('cpu-quota'),
      burst: number('cpu-burst'),
      realtimePeriod: number('cpu-rt-period'),
      realtimeRuntime: number('cpu-rt-runtime'),
      idle: number('cpu-idle'),
      cpus: text('cpuset-cpus'),
      mems: text('cpuset-mems'),
    }),
    pids: some({ limit: number('pids-limit') }),
    blockIO: some({ weight: number('blkio-weight') }),
  };
}

/** `--resources`: a file, or - for standard input. */
function readResources(
  file: string,
  { host }: Invocation,
): { resources: Resources; warnings: readonly string[] } {
  const path = file === '-' ? '/dev/stdin' : host.absolute(file);
  let text: string;
  try {
    ({ text } = native.content(path));
  } catch (cause) {
    throw new LaunchError(`can't read ${path}: ${(cause as SystemError).message}`);
  }
  const value = parseJson(text, path);
  const warnings = checkFields(value, resourceFields, path);
  return { resources: dropNulls(value) as Resources, warnings };
}

/** Where the kernel has the group of a setting. */
function groupOf(
  { controller, version }: Pick<Setting, 'controller' | 'version'>,
  groups: readonly SavedGroup[],
): SavedGroup | undefined {
  return groups.find(({ controllers }) =>
    version === 1 ? controllers.split(',').includes(controller) : controllers === '',
  );
}

const contentOf = (path: string): string | undefined => {
  try {
    return native.content(path).text.trim();
  } catch {
    return undefined;
  }
};

/** A value, and the path of the first of its files that is there. */
function place(setting: Setting, groups: readonly SavedGroup[]): readonly [string, string] {
  const group = groupOf(setting, groups);
  const [first = ['', '']] = setting.files;
  if (!group)
    throw new LaunchError(`can't set ${first[0]}: the container has no control group with that controller`);
  const directory = `${group.mount}${group.path}`;
  const found = setting.files.find(([name]) => contentOf(`${directory}/${name}`) !== undefined);
  const [name, value] = found ?? first;
  return [`${directory}/${name}`, value];
}

type Writes = readonly (readonly [string, string])[];

/** These two in the order that is allowed at every moment: `first` says of their values, and of the present one's. */
function inOrderOf(
  writes: Writes,
  [one, other]: readonly [string, string],
  oneFirst: (one: number, other: number, present: (name: string) => number) => boolean,
): Writes {
  const find = (name: string) => writes.find(([path]) => path.endsWith(`/${name}`));
  const [a, b] = [find(one), find(other)];
  if (!a || !b) return writes;
  const present = (name: string) => Number(contentOf(a[0].replace(one, name)) ?? 0);
  const rest = writes.filter((each) => each !== a && each !== b);
  return [...(oneFirst(Number(a[1]), Number(b[1]), present) ? [a, b] : [b, a]), ...rest];
}

/** Memory alone must not be more than with swap; and quota by period not more than the group above has. */
function inOrder(writes: Writes): Writes {
  const [both, alone] = ['memory.memsw.limit_in_bytes', 'memory.limit_in_bytes'];
  const [period, quota] = ['cpu.cfs_period_us', 'cpu.cfs_quota_us'];
  const memory = inOrderOf(writes, [both, alone], (_, value, present) => value < 0 || value > present(both));
  return inOrderOf(memory, [period, quota], (value, _, present) => value >= present(period));
}

/** Version 2 has swap alone: what is not given is as it is. */
function withPresentLimit(resources: Resources, groups: readonly SavedGroup[], version: Version): Resources {
  const { memory = {} } = resources;
  const group = groupOf({ controller: 'memory', version: 2 }, groups);
  if (version('memory') === 1 || memory.swap === undefined || memory.limit || !group) return resources;
  const present = Number(contentOf(`${group.mount}${group.path}/memory.max`));
  return Number.isFinite(present) ? { ...resources, memory: { ...memory, limit: present } } : resources;
}

/** Version 1 keeps memory alone below memory with swap: without a limit for the one, there is none for both. */
function withoutLimit(resources: Resources, groups: readonly SavedGroup[], version: Version): Resources {
  const { memory = {} } = resources;
  if (version('memory') !== 1 || memory.swap !== undefined || !(Number(memory.limit) < 0)) return resources;
  const group = groupOf({ controller: 'memory', version: 1 }, groups);
  const counted = group && contentOf(`${group.mount}${group.path}/memory.memsw.limit_in_bytes`) !== undefined;
  return counted ? { ...resources, memory: { ...memory, swap: -1 } } : resources;
}

function checkUsage({ memory = {} }: Resources, writes: readonly (readonly [string, string])[]): void {
  if (!memory.checkBeforeUpdate) return;
  for (const [path, value] of writes) {
    const name = /\/memory\.(max|limit_in_bytes)$/.exec(path)?.[1];
    if (name === undefined || !(Number(value) > 0)) continue;
    const usage = contentOf(
      path.replace(/[^/]*$/, name === 'max' ? 'memory.current' : 'memory.usage_in_bytes'),
    );
    if (Number(usage) > Number(value))
      throw new LaunchError(`the container uses ${usage} bytes of memory: more than the new limit, ${value}`);
  }
}

/** Version 1 keeps its period where the quota alone is changed. */
function withPresentPeriod({ cpu = {}, ...rest }: Resources, groups: readonly SavedGroup[]): Resources {
  const group = groupOf({ controller: 'cpu', version: 1 }, groups);
  const period = group && Number(contentOf(`${group.mount}${group.path}/cpu.cfs_period_us`));
  return { ...rest, cpu: cpu.quota === undefined || cpu.period || !period ? cpu : { ...cpu, period } };
}

/** In place of a file, the manager and the unit; systemd would reset what it does not know of. */
function planProperties(resources: Resources, groups: readonly SavedGroup[]): Writes {
  const scope = groups.find((group) => group.scope !== undefined)?.scope;
  if (scope === undefined) return [];
  return scopeProperties(withPresentPeriod(resources, groups), versionsOf(groups)).map((property) => [
    scope,
    property.join(' '),
  ]);
}

/** Pairs: a file, and what is written to it; nothing, and a warning; or a unit, and a property. */
export function update(invocation: Invocation): readonly (readonly [string, string])[] {
  const { values, operands, host } = invocation;
  const id = checkId(operands[0] ?? '');
  const groups = readGroups(host.absolute(requireRoot(values.root)), id);
  const version = versionsOf(groups);
  const file = typeof values.resources === 'string' ? values.resources : undefined;
  const given =
    file === undefined ? { resources: resourcesOf(values), warnings: [] } : readResources(file, invocation);
  const resources = withoutLimit(withPresentLimit(given.resources, groups, version), groups, version);
  const settings = planSettings(resources, version);
  // clients write all that they know into a file, which may be nothing
  if (settings.length === 0 && file === undefined)
    throw usageError('expected something to change: --resources, or one of its values');
  const placed = settings
    .filter((setting) => setting.needed || groupOf(setting, groups))
    .map((setting) => place(setting, groups));
  checkUsage(resources, placed);
  const warnings = [...given.warnings, ...unknownInSecond(resources, version)];
  return [
    ...warnings.map((warning) => ['', warning] as const),
    ...planProperties(resources, groups),
    ...inOrder(placed),
  ];
}
