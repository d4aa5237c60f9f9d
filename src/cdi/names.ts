/** Names of devices: `vendor.com/class=name`. */

const label = '[A-Za-z](?:[\\w.-]*[A-Za-z0-9])?';
const kindPattern = new RegExp(`^(${label})/(${label})$`);
const namePattern = /^[A-Za-z0-9](?:[\w.:-]*[A-Za-z0-9])?$/;

/** `vendor.com/class`: at most 253 and 63 characters. */
export function isKind(text: string): boolean {
  const [, vendor = '', className = ''] = kindPattern.exec(text) ?? [];
  return vendor !== '' && vendor.length <= 253 && className.length <= 63;
}

export function isDeviceName(text: string): boolean {
  return namePattern.test(text);
}

/** What the option is in every program's table. */
export const deviceRow = {
  name: 'device',
  value: 'required',
  metavar: 'DEV',
  repeat: 'collect',
  summary:
    'put device DEV (CDI) into the container: vendor.com/class=name, vendor.com/class=all, or a specification file',
} as const;

/** The value of --device: a specification file, or one or all (no name) of a kind. */
export type DeviceReference =
  | { readonly by: 'file'; readonly file: string }
  | { readonly by: 'name'; readonly kind: string; readonly name?: string };

/** Undefined for anything else. A path begins with a slash or a dot, or has the suffix of specification files. */
export function parseDevice(text: string): DeviceReference | undefined {
  if (/^[./]/.test(text) || (/\.(json|yaml)$/.test(text) && !text.includes('='))) {
    return { by: 'file', file: text };
  }
  const equals = text.indexOf('=');
  const kind = equals < 0 ? text : text.slice(0, equals);
  if (!isKind(kind)) return undefined;
  if (equals < 0) return { by: 'name', kind };
  const name = text.slice(equals + 1);
  return isDeviceName(name) ? { by: 'name', kind, name } : undefined;
}
