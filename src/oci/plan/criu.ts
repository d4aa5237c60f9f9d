/** What is asked of CRIU: the options of its requests, by their names in rpc.proto. Pure functions. */
import { LaunchError } from '../../base/errors.js';
import type { CriuOption } from '../../plan/outside-kinds.js';
import type { Config } from '../config/config.js';
import { ownNamespaces } from '../config/read.js';
import type { OciValues } from '../main.js';

export const on = (name: string): CriuOption => ({ name, value: '1' });
export const withText = (name: string, value: string): CriuOption => ({ name, value });

/** criu_cg_mode; `default` is what CRIU does without a mode. */
const groupModes = { ignore: '0', soft: '3', full: '4', strict: '5', default: '6' } as const;

const newNetwork = String(0x40000000);

/** `isManaged`: it has control groups of its own. Without them, those of the caller are left as they are. */
function groupOptions(values: OciValues, isManaged: boolean): readonly CriuOption[] {
  const mode = (values['manage-cgroups-mode'] ?? 'default') as keyof typeof groupModes;
  if (!isManaged || mode === 'ignore') return [withText('manage_cgroups_mode', groupModes.ignore)];
  return [on('manage_cgroups'), withText('manage_cgroups_mode', groupModes[mode])];
}

/** Options of the same name as ours. */
const flags = ['tcp-established', 'ext-unix-sk', 'shell-job', 'file-locks', 'auto-dedup'];

/** A configuration of CRIU: `org.criu.config`, none if that is empty, or runc's. */
function configFile({ annotations = {} }: Config): readonly CriuOption[] {
  const path = annotations['org.criu.config'] ?? '/etc/criu/runc.conf';
  return path === '' ? [] : [withText('config_file', path)];
}

/** Namespaces that CRIU takes as they are, by names of ours: the network's and that of processes. */
export const externalNames = { network: 'extRootNetNS', pid: 'extRootPidNS' } as const;

/** The devices and addresses in it are not the runtime's. */
const emptyNetwork = (config: Config): readonly CriuOption[] => {
  const network = ownNamespaces(config).get('network');
  return network && !network.path ? [withText('empty_ns', newNetwork)] : [];
};

/** Such a container would come back without its namespace, and see the groups of the machine. */
export function requireGroups(values: OciValues, config: Config, isManaged: boolean, action: string): void {
  if (isManaged || !ownNamespaces(config).has('cgroup') || values['manage-cgroups-mode'] === 'ignore') return;
  throw new LaunchError(`can't ${action}: it has a cgroup namespace, but no control group of its own`, {
    hint: 'with --manage-cgroups-mode=ignore it would be restored without that namespace',
  });
}

/** What both requests have. */
export const sharedRequest = (
  values: OciValues,
  config: Config,
  log: string,
  isManaged: boolean,
): readonly CriuOption[] => [
  withText('log_level', '4'),
  withText('log_file', log),
  on('notify_scripts'),
  on('orphan_pts_master'),
  ...groupOptions(values, isManaged),
  ...flags.filter((name) => values[name]).map((name) => on(name.replaceAll('-', '_'))),
  ...configFile(config),
  ...emptyNetwork(config),
];
