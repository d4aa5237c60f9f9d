/**
 * What is not finished yet, in tmp/ of storage. Each process that makes something has a lease for all of its own; what a
 * process left that was killed goes when the next one begins.
 */
import { LaunchError } from '../base/errors.js';
import { native } from '../host/native.js';
import { fileNameOf } from '../store/storage.js';
import { lease } from './lease.js';
import { packer } from './packer.js';

const started = Date.now();
const leasesIn = (storage: string) => `${storage}/leases`;
const leaseOf = (storage: string, owner: string) => `${leasesIn(storage)}/draft.${owner}`;

/** Whose a file in tmp/ is: NAME.PID.TIME, and endings of what belongs to it. */
const ownerIn = (file: string) => /\.(\d+\.\d+)(\.[a-z]+)*$/.exec(file)?.[1];

/** A name for a new file in storage, that no other process uses. */
export function draftPath(storage: string, name: string): string {
  const owner = `${native.identity().pid}.${started}`;
  try {
    packer.makeDirectories(leasesIn(storage));
    // once: later it is ours already
    if (lease.take(leaseOf(storage, owner))) removeAbandoned(storage);
  } catch (error) {
    // where there is no room for a lease, images can still be deleted
    if (!(error instanceof LaunchError)) throw error;
  }
  return `${storage}/tmp/${fileNameOf(name)}.${owner}`;
}

function removeAbandoned(storage: string): void {
  for (const name of native.entries(leasesIn(storage))) {
    const [, owner] = /^draft\.(\d+\.\d+)$/.exec(name) ?? [];
    if (owner === undefined || !lease.inherit(leaseOf(storage, owner))) continue;
    for (const file of native.entries(`${storage}/tmp`))
      if (ownerIn(file) === owner) packer.remove(`${storage}/tmp/${file}`);
    lease.drop(leaseOf(storage, owner));
  }
}
