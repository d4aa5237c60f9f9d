/** What --version prints, and which versions of the specification are supported. */
import { native } from '../host/native.js';

export const specificationVersion = '1.3.0';

export function renderVersion(): string {
  const [version = ''] = native.version().split('\n');
  const seccomp = native.features().includes('seccomp') ? ' +SECCOMP' : '';
  return `${version.replace('ch-run-ts', 'ch-oci-ts version')}\nspec: ${specificationVersion}\n+SYSTEMD${seccomp} +CAP\n`;
}
