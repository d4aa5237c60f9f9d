/**
 * What always differs between two containers has a name in the plan, and is filled in by who carries it out: so a plan
 * that was made for one container can be remembered for the next. addon/oci/creation.cc gives the names, and has looked
 * for the bundle and the root.
 */
import { native } from '../host/native.js';

/** The bundle, where there are names. */
const namedBundle = '/__named.1__';
/** The whole text of config.json. */
export const namedText = '__named.2__';

/** The configuration with names; undefined if it is to be read from the bundle. */
export function readNamedConfig(bundle: string): string | undefined {
  const path = bundle === namedBundle ? native.variable('CH_OCI_NAMED_CONFIG') : undefined;
  return path === undefined ? undefined : native.content(path).text;
}
