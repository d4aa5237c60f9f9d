/** `WWW-Authenticate` (RFC 9110, section 11): how a registry wants to be asked. */

export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const parameter = /\s*,?\s*([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y;

/** The challenges of a header, in order. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: Challenge[] = [];
  const scheme = /\s*,?\s*([A-Za-z][\w-]*)(?=\s|$|,)/y;
  let at = 0;
  while (at < header.length) {
    scheme.lastIndex = at;
    const [, name] = scheme.exec(header) ?? [];
    if (name === undefined) break;
    at = scheme.lastIndex;
    const parameters = new Map<string, string>();
    for (;;) {
      parameter.lastIndex = at;
      const match = parameter.exec(header);
      if (!match) break;
      const [, key = '', quoted, plain = ''] = match;
      parameters.set(key.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
      at = parameter.lastIndex;
    }
    found.push({ scheme: name.toLowerCase(), parameters });
  }
  return found;
}
