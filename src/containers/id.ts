/** The names of containers. addon/containers/container.cc checks them again. */
import { usageError } from '../base/errors.js';

export function checkId(id: string): string {
  if (/^[\w+-][\w+.-]{0,254}$/.test(id)) return id;
  throw usageError(
    `expected letters, digits and _ + - . for the container's id, not beginning with ., got '${id.slice(0, 255)}'`,
  );
}
