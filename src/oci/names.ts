/**
 * What always differs between two containers has a name in the plan, and is filled in by who carries it out: so a plan
 * that was made for one container can be remembered for the next. addon/oci/planned.cc gives the names, and has looked
 * for the bundle and the root.
 */
import { native } from '../host/native.js';

const namedId = '__named.0__';
/** The whole text of config.json. */
export const namedText = '__named.2__';

/** A document with names in it; undefined if there is none. */
function read(variable: string): string | undefined {
  const path = native.variable(variable);
  return path === undefined ? undefined : native.content(path).text;
}

/** The configuration with names; undefined if this container has none, and it is to be read. */
export const readNamedConfig = (id: string): string | undefined =>
  id === namedId ? read('CH_OCI_NAMED_CONFIG') : undefined;

/** The same of `exec --process`. */
export const readNamedProcess = (id: string): string | undefined =>
  id === namedId ? read('CH_OCI_NAMED_PROCESS') : undefined;
