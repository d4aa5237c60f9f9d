/** `create` and `run`. */
import { LaunchError, usageError } from '../base/errors.js';
import { checkId } from '../containers/id.js';
import { requireRoot } from '../containers/saved.js';
import { isRootOfHost } from '../host/ownership.js';
import type { LaunchPlan } from '../plan/launch-plan.js';
import { checkConfig, parseJson, readText } from './config/read.js';
import type { Invocation, OciValues } from './main.js';
import { namedText, readNamedConfig } from './names.js';
import { type CreateRequest, makeCreatePlan } from './plan/make-plan.js';

const texts = (values: OciValues, name: string) => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};

function managerOf(values: OciValues): CreateRequest['manager'] {
  if (values['systemd-cgroup']) return 'systemd';
  return (texts(values, 'cgroup-manager') ?? 'cgroupfs') as CreateRequest['manager'];
}

export function toRequest(
  { values, operands, host }: Invocation,
  mode: CreateRequest['mode'],
): CreateRequest {
  const [id = ''] = operands;
  const bundle = host.absolute(texts(values, 'bundle') ?? '.');
  const named = readNamedConfig(id);
  if (named === undefined && host.pathKind(bundle) !== 'directory')
    throw new LaunchError(`the bundle ${bundle} is not a directory`);
  const given = texts(values, 'config') ?? 'config.json';
  const path = given === 'config.json' ? `${bundle}/${given}` : host.absolute(given);
  const text = named ?? readText(path, host);
  const { config, warnings } = checkConfig(parseJson(text, path), isRootOfHost(host.user().uid, host));
  const consoleSocket = texts(values, 'console-socket');
  if (config.process?.terminal && mode !== 'foreground' && consoleSocket === undefined)
    throw usageError('process.terminal needs --console-socket for a container that is not in the foreground');
  if (!config.process?.terminal && consoleSocket !== undefined)
    throw usageError('--console-socket needs process.terminal in config.json');
  const pidFile = texts(values, 'pid-file');
  return {
    mode,
    keep: values.keep === true,
    root: host.absolute(requireRoot(values.root)),
    id: checkId(id),
    bundle,
    config,
    configText: named === undefined ? text : namedText,
    hasNames: named !== undefined,
    warnings,
    pidFile: pidFile === undefined ? undefined : host.absolute(pidFile),
    consoleSocket: consoleSocket === undefined ? undefined : host.absolute(consoleSocket),
    pivot: values['no-pivot'] !== true,
    newKeyring: values['no-new-keyring'] !== true,
    preserved: Number(texts(values, 'preserve-fds') ?? 0),
    manager: managerOf(values),
  };
}

export const create = (invocation: Invocation): LaunchPlan =>
  makeCreatePlan(toRequest(invocation, 'create'), invocation.host);

export const run = (invocation: Invocation): LaunchPlan =>
  makeCreatePlan(
    toRequest(invocation, invocation.values.detach ? 'detached' : 'foreground'),
    invocation.host,
  );
