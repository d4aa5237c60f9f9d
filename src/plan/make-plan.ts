/** From what the user wants and what the machine is, to what the launcher does. */
import type { Host } from '../host.js';
import { resolveImage } from '../image/resolve-image.js';
import type { EnvironmentRequest, LaunchRequest } from '../request.js';
import { planBinds, planDefaultBinds, planTmp } from './binds.js';
import { planJoin } from './join.js';
import type { IdMap, LaunchPlan, Step } from './launch-plan.js';

/** Decides everything that can be decided before the launch. Throws LaunchError. */
export function makePlan(request: LaunchRequest, host: Host): LaunchPlan {
  const user = host.user();
  const guest = { uid: request.uid ?? user.uid, gid: request.gid ?? user.gid };
  const image = resolveImage(request.image, host);
  const create = planJoin(request.join, [
    // in the outer namespaces we are root and mount
    { kind: 'user-namespace', ...mapIds({ uid: 0, gid: 0 }, user) },
    { kind: 'root', path: image.path, access: request.writable ? 'writable' : 'read-only' },
    // before /dev is bound, which covers the files' place
    ...(request.identity === 'host' ? [{ kind: 'identity', ...guest } as const] : []),
    ...planDefaultBinds(),
    planTmp(request.tmp),
    ...planBinds(request.binds, request.writable, host),
    { kind: 'pivot' },
    // in the inner ones we are ourselves, and all that was mounted is locked: not even root can undo it
    { kind: 'user-namespace', ...mapIds(guest, { uid: 0, gid: 0 }) },
  ]);
  const enter: Step[] = [
    ...planEnvironment(request.environment, host),
    { kind: 'directory', path: request.directory },
    { kind: 'no-new-privileges' },
    { kind: 'command' },
  ];
  return { verbosity: request.verbosity, color: request.color, facts: host.facts(), create, enter };
}

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

function mapIds(inside: Ids, outside: Ids): { readonly uid: IdMap; readonly gid: IdMap } {
  return {
    uid: { inside: inside.uid, outside: outside.uid },
    gid: { inside: inside.gid, outside: outside.gid },
  };
}

/** The default values, then what the user changes, then the mark that says "in a container". */
function planEnvironment(requests: readonly EnvironmentRequest[], host: Host): readonly Step[] {
  return [
    { kind: 'environment', action: 'default', variables: ['HOME', 'PATH', 'TMPDIR'] },
    ...requests.map((request): Step => {
      const { kind: action, ...rest } = request;
      const step = { kind: 'environment', action, ...rest } as Step;
      return request.kind === 'host-file' ? ({ ...step, path: host.absolute(request.path) } as Step) : step;
    }),
    { kind: 'environment', action: 'set', assignment: 'CH_RUNNING=ch-run-ts', expand: false },
  ];
}
