/** What is needed of URLs: the built-in engine has no class for them. */

/** `SCHEME://HOST[:PORT]`, in lower case. */
export function originOf(url: string): string {
  return (/^[a-z]+:\/\/[^/?#]*/i.exec(url)?.[0] ?? '').toLowerCase();
}

/** Where a Location header leads, seen from `base` (RFC 3986, section 5.2, for paths without dots). */
export function resolveUrl(location: string, base: string): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(location)) return location;
  if (location.startsWith('//')) return `${/^[a-z]+:/i.exec(base)?.[0] ?? ''}${location}`;
  if (location.startsWith('/')) return originOf(base) + location;
  return base.replace(/[?#].*$/, '').replace(/[^/]*$/, '') + location;
}

/** `key=value&…`, percent-encoded. */
export function encodeQuery(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
}
