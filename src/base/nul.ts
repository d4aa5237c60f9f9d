/** No path, argument or variable can have a NUL: to the kernel, and in a plan, it ends the word. */

/** Where in plain data the first string with a NUL stands, such as `binds[0].destination`; undefined if none has one. */
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
