/**
 * Whose files are obeyed: what decides which program runs must be the caller's own or root's, and nobody else may be
 * able to write it. ssh(1) asks the same of its files.
 */
import type { Host, OwnedFile, Owner } from './host.js';

const ownerBits = { group: 0o020, others: 0o002 };

/** Why what belongs so is not obeyed; undefined if it is. */
export function findDistrust(owner: Owner, host: Host): string | undefined {
  if (owner.kind === 'link') return 'it is a symbolic link';
  const { uid } = host.user();
  if (owner.uid !== 0 && owner.uid !== uid && !owner.installed) return `it belongs to user ${owner.uid}`;
  if (owner.mode & ownerBits.others) return 'others can write to it';
  if (owner.mode & ownerBits.group && !isPrivateGroup(owner, host)) return 'its group can write to it';
  return undefined;
}

/** A user's own group has the user's number, and no other members. */
function isPrivateGroup({ uid, gid }: Owner, host: Host): boolean {
  if (uid !== gid) return false;
  // only what the host's own file says is known here: members in a directory service count nothing there
  const groups = host.readFile('/etc/group')?.text ?? '';
  const [name, , , members] = groups
    .split('\n')
    .map((line) => line.split(':'))
    .find(([, , number]) => number === String(gid)) ?? ['', '', '', ''];
  return !members || members === name;
}

/** The home directory that settings lie in: $HOME if it is one's own, else, for root, what passwd says. */
export function findHome(host: Host): string | undefined {
  const home = host.variable('HOME');
  if (home?.startsWith('/') && isOwn(home, host)) return home;
  return host.user().uid === 0 ? rootHome(host) : undefined;
}

/** Whether a directory is one's own or root's, or not there, and so is a link to it. */
export function isOwn(path: string, host: Host): boolean {
  const { uid } = host.user();
  const owns = (owner: Owner | undefined) => owner === undefined || owner.uid === 0 || owner.uid === uid;
  try {
    const owner = host.ownerOf(path, 'no-follow');
    return owns(owner) && (owner?.kind !== 'link' || owns(host.ownerOf(path, 'follow')));
  } catch {
    return true; // nobody can look there, so nothing is found there
  }
}

function rootHome(host: Host): string | undefined {
  const names = host.readFile('/etc/passwd')?.text ?? '';
  const [home] = names
    .split('\n')
    .flatMap((line) => /^[^:]*:[^:]*:0:[^:]*:[^:]*:(\/[^:]*):/.exec(line)?.[1] ?? []);
  return home;
}

/**
 * A file that is obeyed, or why it is not; undefined if there is none. `unmapped`: whether ids that this user namespace
 * does not have count as root's, as those of the host do in a container. Throws LaunchError if it can't be read.
 */
export function readObeyed(
  path: string,
  host: Host,
  unmapped = false,
): { readonly text: string } | { readonly distrust: string } | undefined {
  const file: OwnedFile | undefined = host.readFile(path);
  if (file === undefined) return undefined;
  const { owner } = file;
  const distrust = findDistrust(unmapped && owner.unmapped ? { ...owner, uid: 0 } : owner, host);
  return distrust === undefined ? { text: file.text } : { distrust };
}

/** Whether user `uid`, the caller, is root of the machine, not only of a user namespace that somebody else made. */
export function isRootOfHost(uid: number, host: Host): boolean {
  if (uid !== 0) return false;
  const owner = host.ownerOf('/proc/sys', 'no-follow');
  return owner !== undefined && owner.uid === 0 && !owner.unmapped;
}
