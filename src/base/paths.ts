/** Parts of paths, as the programs of the same names print them. */

/** Without trailing slashes, except for the root directory. */
function trim(path: string): string {
  return path.replace(/(?<=.)\/+$/, '');
}

/** The last component. */
export function basename(path: string): string {
  const trimmed = trim(path);
  return trimmed === '/' ? '' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

/** What is before the last component. */
export function dirname(path: string): string {
  const trimmed = trim(path);
  const slash = trimmed.lastIndexOf('/');
  if (slash < 0) return '.';
  return trim(trimmed.slice(0, slash)) || '/';
}
