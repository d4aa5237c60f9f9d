/** What is built in: --feature and --version. */
import { ExitStatus, LaunchError, valueError } from '../base/errors.js';
import { version } from '../base/version.js';
import { loadNative } from '../host/native.js';
import { knownFeatures } from './options.js';

/** The exit status of --feature. Throws LaunchError for a feature that there is not. */
export function testFeature(feature: string): number {
  if (!knownFeatures.some((known) => known === feature)) {
    throw new LaunchError(valueError('feature', knownFeatures.join(', '), feature).message);
  }
  return loadNative().features.includes(feature) ? 0 : ExitStatus.featureAbsent;
}

/** The text of --version. */
export function renderVersion(): string {
  try {
    return `ch-run-ts ${version} (features: ${loadNative().features.join(', ')})\n`;
  } catch (error) {
    return `ch-run-ts ${version} (${(error as Error).message})\n`;
  }
}
