/**
 * Which files are trusted: files that decide which program runs must belong to the caller or root, and nobody else may
 * be able to write to them. ssh(1) requires the same of its files.
 */
import type { Host, OwnedFile, Owner } from './host.js';

const ownerBits = { group: 0o020, others: 0o002 };

/** Why a file with this owner is not trusted; undefined if it is. */
export function findDistrust(owner: Owner, host: Host): string | undefined {
  if (owner.kind === 'link') return 'it is a symbolic link';
  const { uid } = host.user();
  if (owner.uid !== 0 && owner.uid !== uid && !owner.installed) return `it belongs to user ${owner.uid}`;
  if (owner.mode & ownerBits.others) return 'others can write to it';
  if (owner.mode & ownerBits.group && !isPrivateGroup(owner, host)) return 'its group can write to it';
  return undefined;
}

/** A user's private group has the user's ID, and no other members. */
function isPrivateGroup({ uid, gid }: Owner, host: Host): boolean {
  if (uid !== gid) return false;
  // only the host's own file is consulted here, not a directory service
  const groups = host.readFile('/etc/group')?.text ?? '';
  const [name, , , members] = groups
    .split('\n')
    .map((line) => line.split(':'))
    .find(([, , number]) => number === String(gid)) ?? ['', '', '', ''];
  return !members || members === name;
}

/** The home directory for settings: $HOME if it is the caller's own, else, for root, that in passwd. */
export function findHome(host: Host): string | undefined {
  const home = host.variable('HOME');
  if (home?.startsWith('/') && isOwn(home, host)) return home;
  return host.user().uid === 0 ? rootHome(host) : undefined;
}

/** Whether a directory, and a link to it, belongs to the caller or root, or does not exist. */
export function isOwn(path: string, host: Host): boolean {
  const { uid } = host.user();
  const owns = (owner: Owner | undefined) => owner === undefined || owner.uid === 0 || owner.uid === uid;
  try {
    const owner = host.ownerOf(path, 'no-follow');
    return owns(owner) && (owner?.kind !== 'link' || owns(host.ownerOf(path, 'follow')));
  } catch {
    return true; // it can't be examined, so nothing is found there
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
 * A trusted file, or why it is not trusted; undefined if there is none. `unmapped`: whether IDs that are not mapped in
 * this user namespace count as root's, like those of the host in a container. Throws LaunchError if it can't be read.
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

/** Whether user `uid`, the caller, is root of the machine, not only of a user namespace created by another user. */
export function isRootOfHost(uid: number, host: Host): boolean {
  if (uid !== 0) return false;
  const owner = host.ownerOf('/proc/sys', 'no-follow');
  return owner !== undefined && owner.uid === 0 && !owner.unmapped;
}
