/** Device nodes: a container has the host's /dev, so most are there; others are bound. */

import { LaunchError } from '../../base/errors.js';
import type { Edits } from '../../cdi/edits.js';
import type { DeviceNode } from '../../cdi/spec.js';
import type { DeviceKind, Host } from '../../host/host.js';
import { isHosts, type ResolvedBind } from './binds.js';

interface NodesPlan {
  readonly binds: readonly ResolvedBind[];
  readonly warnings: readonly string[];
}

/** Of nodes with the same path the last counts. Throws LaunchError if one is missing. */
export function planNodes(edits: readonly Edits[], host: Host): NodesPlan {
  const all = edits.flatMap(({ deviceNodes = [], file }) => deviceNodes.map((node) => ({ node, file })));
  const nodes = [...new Map(all.map((each) => [each.node.path, each])).values()];
  const plans = nodes.map(({ node, file }) => planNode(node, file, host));
  return { binds: plans.flatMap(({ binds }) => binds), warnings: plans.flatMap(({ warnings }) => warnings) };
}

function planNode(node: DeviceNode, file: string, host: Host): NodesPlan {
  const source = node.hostPath ?? node.path;
  const found = host.deviceAt(source);
  if (found === 'absent' || found === 'other') throw missing(source, found, file);
  const warnings = differs(node, found)
    ? [`${source} is not the device that ${file} describes, but ${found}: is the file out of date?`]
    : [];
  const bind = { source, destination: node.path, flags: [] };
  if (!isHosts(node.path)) return { binds: [bind], warnings };
  if (source === node.path) return { binds: [], warnings };
  const there = host.deviceAt(node.path);
  if (there === found) return { binds: [], warnings };
  if (there !== 'absent') return { binds: [bind], warnings };
  throw new LaunchError(`can't create the device ${node.path} that ${file} requests: /dev is the host's`, {
    path: node.path,
    hint: `on the host it is ${source}: use that path, without --device`,
  });
}

function missing(source: string, found: DeviceKind, file: string): LaunchError {
  const what = found === 'absent' ? 'there is no such device' : 'it is not a device';
  return new LaunchError(`can't use ${source}, which ${file} names: ${what}`, {
    path: source,
    hint: "is the driver loaded? If so, create the file again with the vendor's tool",
  });
}

/** Whether type or numbers differ from those specified; what is not specified may have any value. */
function differs({ type, major, minor }: DeviceNode, found: DeviceKind): boolean {
  const [kind = '', numbers = ''] = found.split(' ');
  const [foundMajor, foundMinor] = numbers.split(':').map(Number);
  const wanted = type === 'u' ? 'c' : type;
  return Boolean(
    (wanted && wanted !== kind) ||
      // 0 stands for unknown
      (major && major !== foundMajor) ||
      (major && minor !== undefined && minor !== foundMinor),
  );
}
