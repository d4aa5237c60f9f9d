/** Test programs of the file-system server. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkout, noSquashfs } from '../../helpers/support.js';

/** Builds test programs into a directory of the checkout, where unchanged parts are kept; why not, if they can't be. */
export function build(directory: string, parts: string, ...flags: string[]): string | undefined {
  if (noSquashfs) return noSquashfs;
  const words = [join(checkout, 'test/native/squashfs/build'), join(checkout, 'build', directory), ...flags];
  const { status, stderr } = spawnSync('bash', words, {
    env: { ...process.env, PARTS: parts },
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `the test programs can't be built: ${stderr}`;
}
