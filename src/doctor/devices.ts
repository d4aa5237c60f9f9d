/** Which devices can be put into containers, and what is wrong with their descriptions (CDI). */
import { describeBroken, type Inventory, takeInventory } from '../cdi/find-devices.js';
import { cdiDirectories } from '../cdi/read-specs.js';
import { type Entry, isConflict, kindOf } from '../cdi/registry.js';
import type { Host } from '../host/host.js';
import { type Finding, note } from './finding.js';

/** `nvidia.com/gpu=0, 1, all` for each kind. */
function renderDevices(entries: readonly Entry[]): string {
  const kinds = [...new Set(entries.map(kindOf))];
  return kinds
    .map((kind) => {
      const names = entries
        .filter((entry) => kindOf(entry) === kind)
        .map(({ name }) => name.slice(kind.length + 1));
      return `${kind}=${names.join(', ')}`;
    })
    .join('; ');
}

function describeProblems({ broken, entries }: Inventory): readonly string[] {
  const conflicts = [...entries.values()].filter(isConflict);
  return [
    ...broken.map(describeBroken),
    ...conflicts.map(({ name, files }) => `${name} is ambiguous: both ${files.join(' and ')} describe it`),
  ];
}

export function readDevices(host: Host): Finding {
  const directories = cdiDirectories(undefined, host);
  const inventory = takeInventory(directories, host);
  const problems = describeProblems(inventory);
  const usable = [...inventory.entries.values()].filter((entry) => !isConflict(entry));
  const found = renderDevices(usable) || `none in ${directories.join(', ')}`;
  if (problems.length === 0) return note('cdi', 'devices for --device', found);
  const user = 'ask the administrator to correct or remove these files, or use others with --cdi-dirs';
  return note('cdi', 'devices for --device', found, { cause: problems.join('; '), user });
}
