/** From what the user wants and what the machine is, to what the launcher does. */
import type { Host } from '../host.js';
import { resolveImage } from '../image/resolve-image.js';
import type { EnvironmentRequest, LaunchRequest } from '../request.js';
import { planBinds, planDefaultBinds, planTmp } from './binds.js';
import { planJoin } from './join.js';
import type { LaunchPlan, Step } from './launch-plan.js';

/** Decides everything that can be decided before the launch. Throws LaunchError. */
export function makePlan(request: LaunchRequest, host: Host): LaunchPlan {
  const user = host.user();
  const guest = { uid: request.uid ?? user.uid, gid: request.gid ?? user.gid };
  const image = resolveImage(request.image, host);
  const create = planJoin(request.join, [
    ...planNamespaces(user, guest),
    { kind: 'root', path: image.path, access: request.writable ? 'writable' : 'read-only' },
    ...planDefaultBinds(),
    ...(request.identity === 'host' ? [{ kind: 'identity', ...guest } as const] : []),
    planTmp(request.tmp),
    ...planBinds(request.binds, request.writable, host),
    { kind: 'pivot' },
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

/** Outer namespaces, in which we are root and mount; inner ones, in which we are ourselves again. */
function planNamespaces(user: Ids, guest: Ids): readonly Step[] {
  return [
    {
      kind: 'user-namespace',
      uid: { inside: 0, outside: user.uid },
      gid: { inside: 0, outside: user.gid },
    },
    {
      kind: 'user-namespace',
      uid: { inside: guest.uid, outside: 0 },
      gid: { inside: guest.gid, outside: 0 },
    },
  ];
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
