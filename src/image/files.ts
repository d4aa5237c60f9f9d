/** The files of an archive or a directory, for the readers of formats. */
import { failure, LaunchError } from '../base/errors.js';
import type { Blob, Files } from '../formats/image.js';
import { native, type SystemError } from '../host/native.js';
import { type Member, packer } from './packer.js';

/** Bytes of a manifest, an index or a configuration: what registries take, too. */
const mostText = 4 << 20;
/** Entries of an archive of an image, which has some for each layer. */
const mostMembers = 100_000;
const mostLinks = 40;

function filesOf(name: string, find: Files['find']): Files {
  return {
    name,
    find,
    digestOf: packer.hash,
    read(file) {
      const blob = find(file);
      if (!blob) throw new LaunchError(`${name} has no ${file}`);
      if (blob.size > mostText)
        throw new LaunchError(`${file} in ${name} has ${blob.size} bytes, more than ${mostText}`);
      return native.partText(blob.path, blob.offset, blob.size);
    },
  };
}

const plainName = (name: string) => name.replace(/^(\.?\/)+/, '').replace(/\/+$/, '');

/** Of a tar archive that is not compressed, at `path`; `name` is what the user calls it. */
export function filesOfArchive(name: string, path: string): Files {
  const all = packer.members(path, mostMembers);
  if (all.length === mostMembers) throw new LaunchError(`${name} has more than ${mostMembers} entries`);
  const members = new Map<string, Member>();
  for (const member of all) members.set(plainName(member.name), member);
  /** Links are those that older versions of Docker write for layers that are there twice. */
  const find = (file: string, links = 0): Blob | undefined => {
    const member = members.get(plainName(file));
    if (member === undefined || links > mostLinks) return undefined;
    if (member.kind === 'file') return { path, offset: member.offset, size: member.size };
    if (member.kind === 'hard-link') return find(member.target, links + 1);
    return member.kind === 'symlink' ? find(linkFrom(file, member.target), links + 1) : undefined;
  };
  return filesOf(name, (file) => find(file));
}

/** Where a relative link leads, inside the archive. */
function linkFrom(file: string, target: string): string {
  const parts = file.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

/** Of a directory: `name` is what the user calls it. */
export function filesOfDirectory(name: string, directory: string): Files {
  return filesOf(name, (file) => {
    if (file.split('/').includes('..')) throw new LaunchError(`${name} names ${file}, which leads out of it`);
    const path = `${directory}/${file}`;
    try {
      const { kind, size } = native.status(path);
      return kind === 'file' ? { path, offset: 0, size: Number(size) } : undefined;
    } catch (cause) {
      if ((cause as SystemError).code === 'ENOENT') return undefined;
      throw failure('read', path, cause);
    }
  });
}
