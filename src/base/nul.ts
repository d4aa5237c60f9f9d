/** No path, argument or variable can contain a NUL: for the kernel, and in a plan, it terminates the string. */

/** Where in plain data the first string with a NUL is, such as `binds[0].destination`; undefined if there is none. */
export function findNul(data: unknown, place = ''): string | undefined {
  if (typeof data === 'string') return data.includes('\0') ? place : undefined;
  if (typeof data !== 'object' || data === null) return undefined;
  for (const [name, value] of Object.entries(data)) {
    const below = Array.isArray(data) ? `${place}[${name}]` : place ? `${place}.${name}` : name;
    const found = name.includes('\0') ? place : findNul(value, below);
    if (found !== undefined) return found;
  }
  return undefined;
}
