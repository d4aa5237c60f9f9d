/** From a configuration to the plan that makes the container. */
import { LaunchError } from '../../base/errors.js';
import type { Host } from '../../host/host.js';
import { isRootOfHost } from '../../host/ownership.js';
import type { CreateStep, EnterStep, LaunchPlan, OutsideStep } from '../../plan/launch-plan.js';
import type { GroupOf } from '../../plan/outside-kinds.js';
import type { Image } from '../../store/resolve-image.js';
import type { Config, Process } from '../config/config.js';
import { type GroupRequest, planControlGroups } from './groups.js';
import { hooksOf } from './hooks.js';
import { planMaps, planUserNamespace, type UserNamespace } from './identities.js';
import { plainMessages } from './messages.js';
import { planMounts, planProtection } from './mounts.js';
import { isPrivate, joinsMounts, planNamespaces, planSysctl } from './namespaces.js';
import { hasNotices, planNotices, withNotices } from './notices.js';
import { passedSockets, planBegin, planLimits, planOomScore, planRights, planTerminal } from './process.js';
import { findRoot, planRoot, planServer } from './root.js';
import { hasAgent } from './seccomp.js';

export interface CreateRequest {
  readonly mode: 'create' | 'foreground' | 'detached';
  /** The container is not deleted at its end. */
  readonly keep: boolean;
  readonly root: string;
  readonly id: string;
  readonly bundle: string;
  readonly config: Config;
  readonly configText: string;
  /** There are names in it (src/oci/names.ts); its root was found to be a directory. */
  readonly hasNames?: boolean;
  readonly warnings: readonly string[];
  readonly pidFile: string | undefined;
  readonly consoleSocket: string | undefined;
  readonly pivot: boolean;
  readonly newKeyring: boolean;
  readonly preserved: number;
  readonly manager: GroupRequest['manager'];
}

const refuse = (message: string): never => {
  throw new LaunchError(`config.json: ${message}`);
};

/** What is saved in state.json besides what only the launcher knows. */
export function savedState({ config, id, bundle }: CreateRequest, rootfs: string, host: Host): string {
  const { poststart = [], poststop = [] } = config.hooks ?? {};
  return JSON.stringify({
    ociVersion: config.ociVersion,
    id,
    bundle,
    rootfs,
    owner: host.userName() ?? String(host.user().uid),
    annotations: config.annotations ?? {},
    hooks: { poststart, poststop },
  });
}

const hasInit = (namespaces: readonly CreateStep[]): boolean =>
  namespaces.some(({ kind }) => kind === 'init');

function planOutside(
  request: CreateRequest,
  root: Image,
  user: UserNamespace,
  groups: readonly OutsideStep[],
  isInit: boolean,
  host: Host,
): OutsideStep[] {
  const { config, bundle, mode, keep, pidFile, consoleSocket } = request;
  const process = config.process as Process;
  const hooks = hooksOf(config, 'prestart', 'createRuntime');
  const start: readonly OutsideStep[] =
    mode === 'create'
      ? []
      : [
          ...(mode === 'foreground' && hasNotices(request, host) ? [{ kind: 'pass-notices' } as const] : []),
          { kind: 'start' },
          ...(mode === 'foreground' ? [{ kind: 'await' } as const] : []),
          ...(mode === 'foreground' && !keep ? [{ kind: 'remove' } as const] : []),
        ];
  return [
    {
      kind: 'container',
      root: request.root,
      id: request.id,
      saved: savedState(request, root.path, host),
      configuration: request.configText,
    },
    ...(hasNotices(request, host) ? [{ kind: 'notices' } as const] : []),
    // the other side waits for the gate: what it makes, it makes in its groups
    ...groups,
    { kind: 'pass', what: 'gate' },
    ...(user.kind === 'new'
      ? [
          { kind: 'meet', name: 'user-namespace' } as const,
          ...planMaps(user, host),
          { kind: 'meet', name: 'id-maps' } as const,
        ]
      : []),
    ...(isInit ? [{ kind: 'init' } as const] : awaitNamespaces(config)),
    ...passState(config),
    ...netDevicesOf(config),
    ...hooks.map((hook): OutsideStep => ({ kind: 'runtime-hook', bundle, ...hook })),
    ...awaitOutside(config),
    ...(process.terminal ? [{ kind: 'pass', what: 'console' } as const] : []),
    ...(consoleSocket ? [{ kind: 'send-console', socket: consoleSocket } as const] : []),
    { kind: 'ready' },
    ...planLimits(process),
    { kind: 'save' },
    ...(pidFile === undefined ? [] : [{ kind: 'pid-file', path: pidFile } as const]),
    { kind: 'part' },
    ...start,
  ];
}

const netDevicesOf = ({ linux }: Config): readonly OutsideStep[] =>
  Object.entries(linux?.netDevices ?? {}).map(([name, { name: there }]) => ({
    kind: 'net-device',
    name,
    nameThere: there || name,
  }));

/** What is done outside to the container's namespaces: these wait for that, and it waits for them. */
const isWorkedOn = (config: Config): boolean =>
  hooksOf(config, 'prestart', 'createRuntime').length > 0 || netDevicesOf(config).length > 0;

const awaitNamespaces = (config: Config) =>
  isWorkedOn(config) ? [{ kind: 'meet', name: 'namespaces' } as const] : [];

const awaitOutside = (config: Config) =>
  isWorkedOn(config) ? [{ kind: 'meet', name: 'hooks' } as const] : [];

/** What hooks inside and an agent of seccomp are told. */
function passState(config: Config): readonly { readonly kind: 'pass'; readonly what: 'state' | 'pid' }[] {
  const isNeeded = hooksOf(config, 'createContainer', 'startContainer').length > 0 || hasAgent(config);
  return [
    ...(isNeeded ? [{ kind: 'pass', what: 'state' } as const] : []),
    ...(hasAgent(config) ? [{ kind: 'pass', what: 'pid' } as const] : []),
  ];
}

function planNames({ hostname, domainname }: Config): readonly CreateStep[] {
  return [
    ...(hostname ? [{ kind: 'host-name', name: hostname } as const] : []),
    ...(domainname ? [{ kind: 'domain-name', name: domainname } as const] : []),
  ];
}

function planCreation(
  request: CreateRequest,
  root: Image,
  namespaces: readonly CreateStep[],
  groups: readonly GroupOf[],
  preserved: number,
  host: Host,
): CreateStep[] {
  const { config } = request;
  return [
    ...planOomScore(config.process as Process, config.linux),
    { kind: 'descriptors', count: preserved },
    { kind: 'pass', what: 'gate' },
    ...namespaces,
    ...(hasInit(namespaces) ? [] : awaitNamespaces(config)),
    ...passState(config),
    ...awaitOutside(config),
    ...planSysctl(config, refuse),
    ...planNames(config),
    ...(joinsMounts(config) ? planJoinedRoot(request) : planOwnRoot(request, root, groups, host)),
    ...planTerminal(config.process as Process, !joinsMounts(config)),
  ];
}

const planContainerHooks = ({ config }: CreateRequest, root: string): readonly CreateStep[] =>
  hooksOf(config, 'createContainer').map((hook) => ({ kind: 'container-hook', root, ...hook }));

function planOwnRoot(
  request: CreateRequest,
  root: Image,
  groups: readonly GroupOf[],
  host: Host,
): readonly CreateStep[] {
  const { config, bundle, pivot } = request;
  const { rootfsPropagation } = config.linux ?? {};
  return [
    ...planRoot(root, config),
    ...planMounts(config, bundle, groups, host),
    ...(hasNotices(request, host) ? [planNotices(request)] : []),
    ...planContainerHooks(request, '-'),
    ...(config.root.readonly
      ? [{ kind: 'make', path: config.process?.cwd || '/', type: 'directory' } as const]
      : []),
    ...planProtection(config),
    pivot ? { kind: 'pivot' } : { kind: 'move-root' },
    ...(rootfsPropagation ? [{ kind: 'propagation', propagation: rootfsPropagation } as const] : []),
  ];
}

/** Nothing is mounted where others would see it. */
const planJoinedRoot = (request: CreateRequest): readonly CreateStep[] => [
  ...planContainerHooks(request, request.config.root.path),
  { kind: 'change-root', path: request.config.root.path },
];

function planEntry(request: CreateRequest, preserved: number, sockets: number, host: Host): EnterStep[] {
  const { config, newKeyring } = request;
  const process = config.process as Process;
  return [
    ...(process.terminal ? [] : [{ kind: 'session' } as const]),
    ...(newKeyring ? [{ kind: 'new-keyring' } as const] : []),
    ...planBegin(hasNotices(request, host) ? withNotices(process) : process, sockets, 'make'),
    { kind: 'part' },
    { kind: 'wait', process: isPrivate(config) ? 'visible' : 'hidden' },
    ...hooksOf(config, 'startContainer').map((hook): EnterStep => ({ kind: 'start-hook', ...hook })),
    ...planRights({
      process,
      linux: config.linux,
      keepGroups: keepsGroups(config),
      preserved,
    }),
  ];
}

/** crun's annotation, which podman sets for `--group-add keep-groups`. */
export const keepsGroups = ({ annotations = {} }: Config): boolean =>
  annotations['run.oci.keep_original_groups'] === '1';

export function makeCreatePlan(request: CreateRequest, host: Host): LaunchPlan {
  const user = planUserNamespace(request.config, host);
  const root = findRoot(request, host);
  const namespaces = planNamespaces(request.config, user);
  const sockets = passedSockets(host);
  const preserved = request.preserved + sockets;
  const { config, id, manager } = request;
  const isRoot = isRootOfHost(host.user().uid, host);
  const groups = planControlGroups({ config, id, isRoot, manager, host });
  return {
    ...plainMessages,
    warnings: [...request.warnings, ...groups.warnings],
    facts: host.facts(),
    outside: planOutside(request, root, user, groups.steps, hasInit(namespaces), host),
    create: [
      ...planServer(root, user, host),
      ...planCreation(request, root, namespaces, groups.groups, preserved, host),
    ],
    enter: planEntry(request, preserved, sockets, host),
  };
}
