/** --join and --join-pid: which container is used. */

import type { CreateStep } from '../../plan/launch-plan.js';
import type { JoinRequest } from '../request.js';

/** Adds steps before those that create the container (`creating`), or replaces them. */
export function planJoin(
  request: JoinRequest | undefined,
  creating: readonly CreateStep[],
): readonly CreateStep[] {
  switch (request?.kind) {
    case undefined:
      return creating;
    case 'process':
      return [{ kind: 'join-pid', pid: request.pid }];
    case 'peers': {
      const { count = 'environment', timeout, tag } = request;
      return [{ kind: 'join', count, timeout, ...(tag === undefined ? {} : { tag }) }, ...creating];
    }
  }
}
