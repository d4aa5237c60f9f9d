/** Work in storage that one process does, and others wait for. */
import { act } from '../host/act.js';

const look = 200; // ms

export const lease = {
  /** False while another process has it. */
  take: (path: string): boolean => act('lease-take', path).length > 0,
  /** True if there is one whose process is gone: then it is ours. */
  inherit: (path: string): boolean => act('lease-inherit', path).length > 0,
  drop: (path: string): void => void act('lease-drop', path),
  wait: (): void => void act('wait', String(look)),
} as const;

/** Does the work, unless it is done by others meanwhile. Returns whether it was ours. */
export function withLease(
  path: string,
  isDone: () => boolean,
  onWait: () => void,
  work: () => void,
): boolean {
  let told = false;
  while (!isDone()) {
    if (lease.take(path)) {
      try {
        // it may have been done between the two looks
        if (isDone()) return false;
        work();
        return true;
      } finally {
        lease.drop(path);
      }
    }
    if (!told) onWait();
    told = true;
    lease.wait();
  }
  return false;
}
