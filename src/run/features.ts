/** What is built in: --feature. */
import { ExitStatus, LaunchError, valueError } from '../base/errors.js';
import { native } from '../host/native.js';
import { knownFeatures } from './options.js';

/** The exit status of --feature. Throws LaunchError for an unknown feature. */
export function testFeature(feature: string): number {
  if (!knownFeatures.some((known) => known === feature)) {
    throw new LaunchError(valueError('feature', knownFeatures.join(', '), feature).message);
  }
  return native.features().includes(feature) ? 0 : ExitStatus.featureAbsent;
}
