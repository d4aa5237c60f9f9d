/** What root of the host sees less of in a container. */
import { hiddenPaths, readOnlyPaths } from '../../plan/host-places.js';
import type { CreateStep } from '../../plan/launch-plan.js';

/** Steps after the binds of /proc and /sys; what is not there is left out. */
export const masks: readonly CreateStep[] = [
  { kind: 'protect', paths: readOnlyPaths },
  { kind: 'mask', paths: hiddenPaths },
];
