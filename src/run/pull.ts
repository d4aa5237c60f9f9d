/** Images in registries that are got when they are first run: docker://REF. */
import { LaunchError } from '../base/errors.js';
import { RealHost } from '../host/host.js';
import { imageProgramPath, native } from '../host/native.js';
import { registryName } from '../store/resolve-image.js';
import { findInStorage, findStorage } from '../store/storage.js';
import type { LaunchRequest } from './request.js';

/**
 * Gets the image of the request if it is not in storage, and may be got. Of many processes that do so at the same time
 * one gets it, and the others wait for it. Throws LaunchError.
 */
export function pullIfMissing({ image, storage, pull, log, verbosity }: LaunchRequest): void {
  const name = registryName(image);
  if (name === undefined || pull !== 'missing') return;
  // what is not there yet is no fact of the plan
  const host = new RealHost();
  const found = findStorage(storage, host);
  if (found === undefined || found.distrust || findInStorage(name, found, host)) return;
  const words = [`--log=${log}`, ...(verbosity < 0 ? ['--quiet'] : []), 'pull', '--storage', found.directory];
  const { status, signal } = native.runBeside(imageProgramPath, [...words, image, name]);
  if (status === 0 && signal === 0) return;
  throw new LaunchError(`can't get ${image}: ch-image-ts pull ${howItEnded(status, signal)}`);
}

const howItEnded = (status: number, signal: number) =>
  signal === 0 ? `exited with status ${status}` : `was terminated by signal ${signal}`;
