/** What the requested devices change in a container, in order. */
import type { Device } from './registry.js';
import type { ContainerEdits, Spec } from './spec.js';

/** With the file that it is from, for messages. */
export interface Edits extends ContainerEdits {
  readonly file: string;
}

/** The edits that a file has for all its devices come once, before those of the first device. */
export function collectEdits(devices: readonly Device[]): readonly Edits[] {
  const begun = new Set<Spec>();
  return devices.flatMap(({ edits, spec, file }) => {
    const common = begun.has(spec) || spec.containerEdits === undefined ? [] : [spec.containerEdits];
    begun.add(spec);
    return [...common, edits].map((each) => ({ ...each, file }));
  });
}
