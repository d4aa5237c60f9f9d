/** From the user's request to devices. */
import { LaunchError } from '../base/errors.js';
import { nearestNames } from '../base/nearest.js';
import type { Host } from '../host/host.js';
import { type DeviceReference, parseDevice } from './names.js';
import { cdiDirectories, readDirectory, readSpecFile, type SpecFile } from './read-specs.js';
import { allOfKind, type Device, devicesOf, type Entry, isConflict, kindOf, register } from './registry.js';

/** Devices that are described by the Container Device Interface (CDI). */
export interface DevicesRequest {
  /** `vendor.com/class=name`, `vendor.com/class=all`, or the path of a specification file. */
  readonly names: readonly string[];
  /** Every device that is found. */
  readonly all: boolean;
  /** Directories of specifications, in order of precedence, highest last; by default $CH_RUN_CDI_DIRS, or the usual. */
  readonly directories?: readonly string[];
  /** Run hooks that are unknown to us. */
  readonly runHooks: boolean;
}

/** What there is on this machine. */
export interface Inventory {
  readonly directories: readonly string[];
  readonly broken: readonly Extract<SpecFile, { error: string }>[];
  readonly entries: ReadonlyMap<string, Entry>;
}

/** Reads all specifications in these directories. */
export function takeInventory(directories: readonly string[], host: Host): Inventory {
  const files = directories.map((directory) => readDirectory(directory, host));
  const broken = files.flat().filter((file) => 'error' in file);
  return { directories, broken, entries: register(files) };
}

/** The requested devices, each once. Throws LaunchError. */
export function findDevices(
  request: DevicesRequest,
  host: Host,
): { readonly devices: readonly Device[]; readonly warnings: readonly string[] } {
  let inventory: Inventory | undefined;
  // no search if only files are named
  const known = () => (inventory ??= takeInventory(cdiDirectories(request.directories, host), host));
  const named = request.names.flatMap((text) => {
    const reference = parseDevice(text);
    if (reference === undefined) throw new LaunchError(`there is no device '${text}': ${nameForms}`);
    return reference.by === 'file' ? devicesIn(reference.file, host) : lookUp(text, reference, known());
  });
  const all = request.all ? everything(known()) : [];
  const warnings = request.all ? (inventory?.broken ?? []).map(describeBroken) : [];
  return { devices: [...new Map([...named, ...all].map((each) => [each.name, each])).values()], warnings };
}

const nameForms =
  'names are vendor.com/class=name, vendor.com/class=all, or the path of a specification file';
export const describeBroken = ({ path, error }: { path: string; error: string }) =>
  `${path} is not used: ${error}`;

/** All devices of one file, regardless of other files. */
function devicesIn(file: string, host: Host): readonly Device[] {
  const path = host.absolute(file);
  const read = readSpecFile(path, host);
  if ('error' in read) throw new LaunchError(`can't use the devices of ${file}: ${read.error}`, { path });
  return allOfKind(read.spec.kind, devicesOf(read));
}

function lookUp(
  text: string,
  { kind, name = 'all' }: Extract<DeviceReference, { by: 'name' }>,
  inventory: Inventory,
): readonly Device[] {
  const entries = [...inventory.entries.values()];
  const exact = inventory.entries.get(`${kind}=${name}`);
  const found = exact ? [exact] : name === 'all' ? allOfKind(kind, entries) : [];
  if (found.length === 0) throw absent(text, inventory);
  return found.map(mustBeClear);
}

function mustBeClear(entry: Entry): Device {
  if (!isConflict(entry)) return entry;
  throw new LaunchError(`device ${entry.name} is defined more than once: in ${entry.files.join(' and ')}`, {
    hint: 'remove one of the files; of files in different directories, the one in the later directory takes precedence',
  });
}

/** Each kind once; without a name, a device that several files describe differently is ambiguous. */
function everything(inventory: Inventory): readonly Device[] {
  const devices = [...inventory.entries.values()].filter((entry): entry is Device => !isConflict(entry));
  if (devices.length === 0) throw absent(undefined, inventory);
  return [...new Set(devices.map(kindOf))].flatMap((kind) => allOfKind(kind, devices));
}

/** The error that there is no such device, and why. */
function absent(text: string | undefined, { directories, broken, entries }: Inventory): LaunchError {
  const what = text === undefined ? 'there are no devices' : `there is no device ${text}`;
  const where = directories.join(', ');
  const reasons = broken.map(describeBroken).join('; ');
  if (entries.size > 0) {
    const near = nearestNames(text ?? '', [...entries.keys()]);
    const hint = [
      `the devices in ${where} ${entries.size === near.length ? 'are' : 'include'} ${near.join(', ')}`,
    ];
    return new LaunchError(what, { hint: [...hint, ...(reasons ? [reasons] : [])].join('; ') });
  }
  const message = `${what}: there is no usable device specification (CDI) in ${where}`;
  return new LaunchError(message, {
    hint:
      reasons ||
      "create one with the vendor's tool (docs/devices.md), or use other directories with --cdi-dirs",
  });
}
