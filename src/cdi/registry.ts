/** Which devices there are, and which of them a name means. */
import type { SpecFile } from './read-specs.js';
import type { ContainerEdits, Spec } from './spec.js';

/** A device that can be put into a container. */
export interface Device {
  /** `vendor.com/class=name`. */
  readonly name: string;
  readonly edits: ContainerEdits;
  /** Where it is described; the edits that the file has for all its devices are applied once. */
  readonly spec: Spec;
  readonly file: string;
}

/** Two files in one directory describe the same device: it is ambiguous. */
export interface Conflict {
  readonly name: string;
  readonly files: readonly string[];
}

export type Entry = Device | Conflict;
export const isConflict = (entry: Entry): entry is Conflict => 'files' in entry;

/** The devices of one file. */
export function devicesOf(file: SpecFile): readonly Device[] {
  if ('error' in file) return [];
  const { spec, path } = file;
  return spec.devices.map(({ name, containerEdits }) => ({
    name: `${spec.kind}=${name}`,
    edits: containerEdits,
    spec,
    file: path,
  }));
}

/** All devices by name. `directories` are in order of increasing precedence. */
export function register(directories: readonly (readonly SpecFile[])[]): ReadonlyMap<string, Entry> {
  const all = new Map<string, Entry>();
  for (const files of directories) {
    const here = new Map<string, Entry>();
    for (const device of files.flatMap(devicesOf)) {
      const other = here.get(device.name);
      here.set(device.name, other === undefined ? device : conflict(other, device));
    }
    for (const [name, entry] of here) all.set(name, entry);
  }
  return all;
}

function conflict(one: Entry, { name, file }: Device): Conflict {
  return { name, files: [...(isConflict(one) ? one.files : [one.file]), file] };
}

/** All of a kind: the device that its vendor calls `all`, else each of them. */
export function allOfKind<Some extends Entry>(kind: string, entries: readonly Some[]): readonly Some[] {
  const all = entries.find(({ name }) => name === `${kind}=all`);
  return all ? [all] : entries.filter(({ name }) => name.startsWith(`${kind}=`));
}

export const kindOf = ({ name }: Entry): string => name.slice(0, name.indexOf('='));
