/** From the user's request and the state of the machine to the steps of the launcher. */

import { version } from '../../base/version.js';
import type { Host } from '../../host/host.js';
import { isRootOfHost } from '../../host/ownership.js';
import type { CreateStep, EnterStep, IdMap, LaunchPlan } from '../../plan/launch-plan.js';
import { resolveImage } from '../../store/resolve-image.js';
import type { EnvironmentRequest, LaunchRequest } from '../request.js';
import { planBinds, planDefaultBinds, planTmp, resolveBinds, warnAboutLabels } from './binds.js';
import { planDevices } from './devices.js';
import {
  applyImageConfig,
  findImageConfig,
  findVolumes,
  placesOf,
  planCommand,
  planImageEnvironment,
  planVolumes,
} from './image-run.js';
import { planJoin } from './join.js';
import { masks } from './masks.js';
import { noteNoHome, planHome, planMount, planServer, warnAboutImage } from './root.js';
import { planAptSandbox, planSeccomp } from './seccomp.js';
import { planMerge, planSeal, planUpper } from './upper.js';

/** Decides everything that can be decided before the launch; `noticed` are warnings that come first. Throws LaunchError. */
export function makePlan(given: LaunchRequest, host: Host, noticed: readonly string[] = []): LaunchPlan {
  const user = host.user();
  const image = resolveImage(given, host);
  const config = findImageConfig(given, image, host);
  const request = applyImageConfig(given, config);
  const guest = { uid: request.uid ?? user.uid, gid: request.gid ?? user.gid };
  const home = request.home ? planHome(host) : undefined;
  const devices = planDevices(request.devices, host);
  const { binds, changes } = planMerge(
    request,
    [...devices.binds, ...resolveBinds([...(home ? [home.bind] : []), ...request.binds], host)],
    devices.changes,
    host,
  );
  const volumes = findVolumes(request, config, binds);
  const writable = request.writable || request.overlay !== undefined;
  const create = planJoin(request.join, [
    ...planServer(image, request),
    // in the outer namespaces we are root and mount
    { kind: 'user-namespace', ...mapIds({ uid: 0, gid: 0 }, user) },
    planMount(image, request, host),
    ...planUpper(request, [...placesOf(request, config, volumes), ...binds], changes, host),
    ...planAptSandbox(request, writable),
    // they begin with what the image has
    ...planVolumes(volumes),
    // before the user's binds, which may cover the files
    ...(request.identity === 'host'
      ? [{ kind: 'identity', ...guest, ...(home ? { home: home.home } : {}) } as const]
      : []),
    ...planDefaultBinds(request.unmask || !isRootOfHost(user.uid, host) ? undefined : masks),
    planTmp(request.tmp),
    ...planBinds(binds, request.tmp),
    ...devices.hooks,
    ...planSeal(request, changes),
    { kind: 'pivot' },
    // in the inner ones we have our own ids again, and all mounts are locked: not even root can unmount them
    ...planNamespaces(mapIds(guest, { uid: 0, gid: 0 }), request.hostname),
  ]);
  const enter: EnterStep[] = [
    ...planEnvironment(
      request.environment,
      [...devices.environment, ...planHomeVariable(home), ...planImageEnvironment(given, config)],
      host,
    ),
    { kind: 'directory', path: request.directory ?? '/' },
    ...planSyslog(request.syslog, image.path),
    ...(request.newKeyring ? [{ kind: 'new-keyring' } as const] : []),
    { kind: 'no-new-privileges' },
    { kind: 'terminal' },
    ...planSeccomp(request, host),
    { kind: 'command', ...planCommand(given, config) },
  ];
  const warnings = [
    ...noticed,
    ...(image.warnings ?? []),
    ...warnAboutImage(image, request),
    ...noteNoHome(request),
    ...warnAboutLabels(request.binds, host),
    ...devices.warnings,
  ];
  const { verbosity, color, log } = request;
  return { verbosity, color, log, warnings, facts: host.facts(), outside: [], create, enter };
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

/** The inner namespaces: a process that enters them can enter all that belong to the user namespace. */
function planNamespaces(ids: ReturnType<typeof mapIds>, hostname: string | undefined): readonly CreateStep[] {
  if (hostname === undefined) return [{ kind: 'user-namespace', ...ids }];
  return [
    { kind: 'user-namespace', ...ids, more: ['uts'] },
    { kind: 'hostname', name: hostname },
  ];
}

function planHomeVariable(home: { readonly home: string } | undefined): readonly EnterStep[] {
  return home === undefined ? [] : [setVariable('HOME', home.home)];
}

/** The default values, then `more`, then the user's changes, then the variable that says "in a container". */
function planEnvironment(
  requests: readonly EnvironmentRequest[],
  more: readonly EnterStep[],
  host: Host,
): readonly EnterStep[] {
  return [
    { kind: 'environment', action: 'default', variables: ['HOME', 'PATH', 'TMPDIR'] },
    ...more,
    ...requests.map((request): EnterStep => {
      const { kind: action, ...rest } = request;
      const step = { kind: 'environment', action, ...rest } as EnterStep;
      return request.kind === 'host-file'
        ? ({ ...step, path: host.absolute(request.path) } as EnterStep)
        : step;
    }),
    setVariable('CH_RUNNING', 'ch-run-ts'),
  ];
}

function planSyslog(wanted: boolean, image: string): readonly EnterStep[] {
  return wanted ? [{ kind: 'syslog', version, image }] : [];
}

function setVariable(name: string, value: string): EnterStep {
  return { kind: 'environment', action: 'set', assignment: `${name}=${value}`, expand: false };
}
