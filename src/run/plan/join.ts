/** --join and --join-pid: whose container it is. */

import type { CreateStep } from '../../plan/launch-plan.js';
import type { JoinRequest } from '../request.js';

/** What goes before the steps `creating` that make the container, or in their place. */
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
