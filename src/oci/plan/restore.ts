/** The plan that makes a container of a checkpoint: this process becomes CRIU, which makes it. */
import { LaunchError } from '../../base/errors.js';
import type { Host } from '../../host/host.js';
import { isRootOfHost } from '../../host/ownership.js';
import type { CreateStep, LaunchPlan, OutsideStep } from '../../plan/launch-plan.js';
import type { CriuOption } from '../../plan/outside-kinds.js';
import type { Config } from '../config/config.js';
import { ownNamespaces } from '../config/read.js';
import type { OciValues } from '../main.js';
import { externalNames, on, requireGroups, sharedRequest, withText } from './criu.js';
import { emptyName, plainPath } from './external-mounts.js';
import { planControlGroups } from './groups.js';
import { hooksOf } from './hooks.js';
import { type CreateRequest, savedState } from './make-plan.js';
import { plainMessages } from './messages.js';
import { planMounts } from './mounts.js';
import { findRoot } from './root.js';
import { inheritStreams } from './streams.js';

export interface RestoreRequest {
  readonly create: CreateRequest;
  readonly values: OciValues;
  readonly images: string;
  readonly work: string;
  /** What descriptors.json says. */
  readonly streams: readonly unknown[];
}

type Mount = Extract<CreateStep, { kind: 'mount' }>;

const isBind = ({ type, options }: Mount): boolean => /^r?bind$/.test(type) && !options.includes('remount');

/** Places of mounts that the root file system may lack; what is below another mount is in that. */
function placesOf(mounts: readonly Mount[]): readonly { source: string; destination: string }[] {
  const places = mounts.map((mount) => ({
    source: isBind(mount) ? mount.source : '',
    destination: plainPath(mount.destination),
  }));
  return places.filter(
    ({ destination }, at) =>
      !places.slice(0, at).some((earlier) => destination.startsWith(`${earlier.destination}/`)),
  );
}

/** What mounts that a checkpoint has by name only are made of. */
function bindsOf(mounts: readonly Mount[], devices: readonly string[], place: string): readonly CriuOption[] {
  const binds = mounts.filter(isBind);
  const bound = new Set(binds.map(({ destination }) => plainPath(destination)));
  return [
    ...binds.map(({ destination, source }) => ({
      name: 'bind',
      key: plainPath(destination),
      value: source,
    })),
    // also what files are masked with
    ...[...new Set(['/dev/null', ...devices])]
      .filter((path) => !bound.has(path))
      .map((path) => ({ name: 'ext_mnt', key: path, value: path })),
    { name: 'ext_mnt', key: emptyName, value: `${place}/empty` },
  ];
}

/** What CRIU calls those that it can be told to join. */
const joinedKinds: Readonly<Record<string, string>> = { ipc: 'ipc', uts: 'uts', time: 'time', user: 'user' };

/** Namespaces by path, which are there: those with a name of ours are open in CRIU from this descriptor on. */
function joinNamespaces(config: Config) {
  const first = 100;
  const shared = [...ownNamespaces(config).values()].filter(({ path }) => path);
  const isOpen = (type: string): type is keyof typeof externalNames => type in externalNames;
  const open = shared.filter(({ type }) => isOpen(type));
  const options = shared.map(({ type, path = '' }): CriuOption => {
    if (isOpen(type)) {
      const number = first + open.findIndex((each) => each.type === type);
      return { name: 'inherit_fd', key: externalNames[type], value: String(number) };
    }
    const kind = joinedKinds[type];
    if (kind === undefined)
      throw new LaunchError(`CRIU can't restore into the ${type} namespace ${path}: it would have to be new`);
    return { name: 'join_ns', key: kind, value: path };
  });
  return {
    options,
    namespaces: open.map(({ path = '' }, at) => ({ descriptor: first + at, path })),
  };
}

/** As root of a user namespace, processes open what they are made of themselves. */
const groupOfRoot = ({ linux }: Config): number | undefined =>
  linux?.gidMappings?.find(({ containerID }) => containerID === 0)?.hostID;

const lsmOptions = (values: OciValues): readonly CriuOption[] =>
  ['lsm-profile', 'lsm-mount-context'].flatMap((name) => {
    const value = values[name];
    return typeof value === 'string' ? [withText(name.replaceAll('-', '_'), value)] : [];
  });

/** Of the hooks, those that set up what is the machine's. */
const planHooks = ({ config, bundle }: CreateRequest): readonly OutsideStep[] =>
  hooksOf(config, 'prestart', 'createRuntime').map((hook) => ({ kind: 'runtime-hook', bundle, ...hook }));

function planEnd({ mode, pidFile, consoleSocket }: CreateRequest): readonly OutsideStep[] {
  return [
    ...(consoleSocket ? [{ kind: 'send-console', socket: consoleSocket } as const] : []),
    { kind: 'save' },
    ...(pidFile === undefined ? [] : [{ kind: 'pid-file', path: pidFile } as const]),
    { kind: 'unlock' },
    ...(mode === 'foreground' ? [{ kind: 'await' } as const, { kind: 'remove' } as const] : []),
  ];
}

export function makeRestorePlan(
  { create, values, images, work, streams }: RestoreRequest,
  host: Host,
): LaunchPlan {
  const { config, id, bundle, manager } = create;
  const root = findRoot(create, host);
  if (root.kind !== 'directory')
    throw new LaunchError(
      `can't restore into the image file ${root.path}: unpack it, and name the directory`,
    );
  const isRoot = isRootOfHost(host.user().uid, host);
  const groups = planControlGroups({ config, id, isRoot, manager, host });
  const isManaged = groups.steps.some(({ kind }) => kind === 'groups');
  requireGroups(values, config, isManaged, `restore container ${id}`);
  const steps = planMounts(config, bundle, groups.groups, host);
  const mounts = steps.filter((step): step is Mount => step.kind === 'mount');
  const devices = steps.flatMap((step) => (step.kind === 'device' ? [step.path] : []));
  const place = `${create.root}/${id}/criu`;
  const joined = joinNamespaces(config);
  const network = ownNamespaces(config).get('network');
  return {
    ...plainMessages,
    warnings: [...create.warnings, ...groups.warnings],
    facts: host.facts(),
    outside: [
      {
        kind: 'container',
        root: create.root,
        id,
        saved: savedState(create, root.path, host),
        configuration: create.configText,
      },
      ...groups.steps,
      { kind: 'pass', what: 'criu' },
      { kind: 'await-command' },
      {
        kind: 'restore',
        images,
        work,
        rootfs: root.path,
        searcher: groupOfRoot(config),
        options: [
          ...sharedRequest(values, config, 'restore.log', isManaged),
          on('evasive_devices'),
          on('rst_sibling'),
          withText('root', `${place}/root`),
          ...lsmOptions(values),
          ...bindsOf(mounts, devices, place),
          ...joined.options,
          ...inheritStreams(streams),
        ],
      },
      ...(network && !network.path ? [{ kind: 'restored-loopback' } as const] : []),
      ...planHooks(create),
      { kind: 'restored', place },
      ...planEnd(create),
    ],
    create: [
      { kind: 'descriptors', count: 0 },
      { kind: 'namespaces', kinds: ['mount'] },
      { kind: 'propagation', propagation: 'rslave' },
      // this side makes nothing before the other has made the container's directory
      { kind: 'pass', what: 'criu' },
      { kind: 'restored-root', rootfs: root.path, place, mounts: placesOf(mounts) },
    ],
    enter: [{ kind: 'criu', namespaces: joined.namespaces }],
  };
}
