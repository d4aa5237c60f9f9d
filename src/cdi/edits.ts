/** What the devices that are asked for change in a container, in order. */
import type { Device } from './registry.js';
import type { ContainerEdits, Spec } from './spec.js';

/** With the file that says so, for messages. */
export interface Edits extends ContainerEdits {
  readonly file: string;
}

/** What a file says of all its devices comes once, before the first of them. */
export function collectEdits(devices: readonly Device[]): readonly Edits[] {
  const begun = new Set<Spec>();
  return devices.flatMap(({ edits, spec, file }) => {
    const common = begun.has(spec) || spec.containerEdits === undefined ? [] : [spec.containerEdits];
    begun.add(spec);
    return [...common, edits].map((each) => ({ ...each, file }));
  });
}
