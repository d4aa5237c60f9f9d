/** sd_notify(3): what a container says to the service manager that started it. */
import type { Host } from '../../host/host.js';
import type { CreateStep } from '../../plan/launch-plan.js';
import type { Process } from '../config/config.js';
import type { CreateRequest } from './make-plan.js';
import { joinsMounts } from './namespaces.js';

/** Where the container finds the socket; runc has it there, too. */
const directory = '/run/notify';

/** The caller's manager waits, and the configuration has no socket of its own, as podman's has. */
export function hasNotices({ config }: CreateRequest, host: Host): boolean {
  const isOwn = (config.process?.env ?? []).some((entry) => entry.startsWith('NOTIFY_SOCKET='));
  return /^[/@]/.test(host.variable('NOTIFY_SOCKET') ?? '') && !isOwn && !joinsMounts(config);
}

/** Inside, nobody can put another socket there. */
export const planNotices = ({ root, id }: CreateRequest): CreateStep => ({
  kind: 'mount',
  destination: directory,
  type: 'bind',
  source: `${root}/${id}/notify`,
  data: '',
  options: ['ro', 'nosuid', 'nodev', 'noexec'],
});

export const withNotices = (process: Process): Process => ({
  ...process,
  env: [...(process.env ?? []), `NOTIFY_SOCKET=${directory}/notify.sock`],
});
