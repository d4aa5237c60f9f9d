/** `exec`: a further process in a container, made as the first one was. */
import { usageError } from '../base/errors.js';
import { checkId } from '../containers/id.js';
import { readConfig, requireRoot } from '../containers/saved.js';
import type { Host } from '../host/host.js';
import type { CreateStep, EnterStep, LaunchPlan, OutsideStep } from '../plan/launch-plan.js';
import { capabilityNames } from './config/capabilities.js';
import type { CapabilitySet, Config, Process } from './config/config.js';
import { checkConfig, checkProcess, readProcess } from './config/read.js';
import type { Invocation, OciValues } from './main.js';
import { readNamedConfig, readNamedProcess } from './names.js';
import { keepsGroups } from './plan/make-plan.js';
import { plainMessages } from './plan/messages.js';
import {
  passedSockets,
  planBegin,
  planLimits,
  planOomScore,
  planRights,
  planTerminal,
} from './plan/process.js';
import { hasAgent } from './plan/seccomp.js';

const list = (value: unknown): readonly string[] => (Array.isArray(value) ? value : []);
const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

function withCapabilities(given: Process['capabilities'], more: readonly string[]): Process['capabilities'] {
  const unknown = more.find((name) => !capabilityNames.includes(name));
  if (unknown !== undefined) throw usageError(`unknown capability ${unknown}`);
  if (more.length === 0) return given;
  // what is inheritable would be given on to programs with capabilities in their files
  const sets: readonly CapabilitySet[] = ['bounding', 'effective', 'permitted'];
  const added = sets.map((set) => [set, [...new Set([...(given?.[set] ?? []), ...more])]]);
  return { ...given, ...Object.fromEntries(added) };
}

/** Only the container's own files know names. */
const namesUser = (values: OciValues): boolean => /[^\d:]/.test(text(values.user) ?? '');

function planNames(values: OciValues): readonly EnterStep[] {
  if (!namesUser(values)) return [];
  const [user = '', group = ''] = text(values.user)?.split(':') ?? [];
  return [{ kind: 'named-user', user, group }];
}

/** Each value is one, or several with commas. */
function groupsOf(values: OciValues): readonly number[] {
  const words = list(values['additional-gids']).flatMap((each) => each.split(','));
  const wrong = words.find((word) => !/^\d{1,10}$/.test(word));
  if (wrong !== undefined)
    throw usageError(`expected numbers of groups for --additional-gids, got '${wrong}'`);
  return words.map(Number);
}

function withUser(values: OciValues, user: Process['user']): Process['user'] {
  const [uid, gid] = namesUser(values) ? [] : (text(values.user)?.split(':').map(Number) ?? []);
  const groups = groupsOf(values);
  return {
    ...user,
    ...(uid === undefined ? {} : { uid, gid: gid ?? 0 }),
    ...(groups.length > 0 ? { additionalGids: groups } : namesUser(values) ? { additionalGids: [] } : {}),
  };
}

/** The container's own process, with what the options change. */
function changedProcess(values: OciValues, args: readonly string[], base: Process): Process {
  if (args.length === 0) throw usageError('expected a command after the id, or --process');
  const wrong = list(values.env).find((entry) => entry.indexOf('=') < 1);
  if (wrong !== undefined) throw usageError(`expected NAME=VALUE for --env, got '${wrong}'`);
  const { oomScoreAdj: _, consoleSize: __, ...rest } = base;
  const process: Process = {
    ...rest,
    args,
    terminal: values.tty === true,
    env: [...(base.env ?? []), ...list(values.env)],
    cwd: text(values.cwd) ?? base.cwd ?? '/',
    noNewPrivileges: values['no-new-privs'] === true || base.noNewPrivileges === true,
    user: withUser(values, base.user) ?? {},
  };
  const profile = text(values.apparmor);
  const label = text(values['process-label']);
  const labelled = {
    ...process,
    ...(profile === undefined ? {} : { apparmorProfile: profile }),
    ...(label === undefined ? {} : { selinuxLabel: label }),
  };
  const capabilities = withCapabilities(base.capabilities, list(values.cap));
  return capabilities ? { ...labelled, capabilities } : labelled;
}

function findProcess({ values, operands, host }: Invocation, config: Config): Process {
  const [id = '', ...args] = operands;
  const base = config.process ?? {};
  const file = text(values.process);
  if (file === undefined) {
    const process = changedProcess(values, args, base);
    checkProcess(process);
    return process;
  }
  if (args.length > 0) throw usageError('a command after the id excludes --process');
  const given = readProcess(host.absolute(file), host, readNamedProcess(id));
  const process = { ...given, ...(values.tty ? { terminal: true } : {}) };
  return process.capabilities || !base.capabilities
    ? process
    : { ...process, capabilities: base.capabilities };
}

/** A process may be killed for lack of memory before it is the command: only asked where memory is limited. */
const watchMemory = ({ linux }: Config, root: string, id: string): readonly OutsideStep[] =>
  (linux?.resources?.memory?.limit ?? 0) > 0 ? [{ kind: 'watch-memory', root, id }] : [];

/** The processors of the time before are set before its control groups say where it may run. */
const meetAffinity = [
  { kind: 'meet', name: 'processors' },
  { kind: 'meet', name: 'groups' },
] as const;

function planGroups(
  { values, operands }: Invocation,
  root: string,
  hasAffinity: boolean,
): readonly OutsideStep[] {
  const enter: OutsideStep = {
    kind: 'enter-groups',
    root,
    id: operands[0] ?? '',
    paused: values['ignore-paused'] ? 'accept' : 'refuse',
    groups: list(values.cgroup),
  };
  return hasAffinity ? [meetAffinity[0], enter, meetAffinity[1]] : [enter];
}

/** For an agent of seccomp. */
const pidPassed = (config: Config) => (hasAgent(config) ? [{ kind: 'pass', what: 'pid' } as const] : []);

function planOutside(
  process: Process,
  passPid: ReturnType<typeof pidPassed>,
  values: OciValues,
  host: Host,
): readonly OutsideStep[] {
  const socket = text(values['console-socket']);
  const pidFile = text(values['pid-file']);
  if (process.terminal && values.detach && socket === undefined)
    throw usageError('a detached process with a terminal needs --console-socket');
  return [
    { kind: 'init' },
    ...passPid,
    ...(process.terminal ? [{ kind: 'pass', what: 'console' } as const] : []),
    ...(socket === undefined ? [] : [{ kind: 'send-console', socket: host.absolute(socket) } as const]),
    { kind: 'meet', name: 'made' },
    ...planLimits(process),
    { kind: 'meet', name: 'limits' },
    { kind: 'await-command' },
    ...(pidFile === undefined ? [] : [{ kind: 'pid-file', path: host.absolute(pidFile) } as const]),
    ...(values.detach ? [] : [{ kind: 'await' } as const]),
  ];
}

export function exec(invocation: Invocation): LaunchPlan {
  const { values, operands, host } = invocation;
  const [id = ''] = operands;
  const root = host.absolute(requireRoot(values.root));
  const named = readNamedConfig(checkId(id));
  const { config } = checkConfig(named === undefined ? readConfig(root, id) : JSON.parse(named));
  const process = findProcess(invocation, config);
  const sockets = passedSockets(host);
  const preserved = Number(text(values['preserve-fds']) ?? 0) + sockets;
  const { initial, final } = process.execCPUAffinity ?? config.process?.execCPUAffinity ?? {};
  const processors = (list: string | undefined) => (list ? [{ kind: 'processors', list } as const] : []);
  const create: readonly CreateStep[] = [
    ...processors(initial),
    ...planOomScore(process),
    { kind: 'descriptors', count: preserved },
    { kind: 'hide' },
    ...(initial ? meetAffinity : []),
    { kind: 'enter-container', root, id },
    { kind: 'init' },
    ...pidPassed(config),
    ...planTerminal(process, false),
    { kind: 'meet', name: 'made' },
    { kind: 'meet', name: 'limits' },
  ];
  const enter: readonly EnterStep[] = [
    ...planNames(values),
    ...processors(final),
    ...(process.terminal ? [] : [{ kind: 'session' } as const]),
    ...planBegin(process, sockets, 'may'),
    ...planRights({ process, linux: config.linux, keepGroups: keepsGroups(config), preserved }),
  ];
  return {
    ...plainMessages,
    warnings: [],
    facts: host.facts(),
    outside: [
      ...watchMemory(config, root, id),
      ...planGroups(invocation, root, Boolean(initial)),
      ...planOutside(process, pidPassed(config), values, host),
    ],
    create,
    enter,
  };
}
