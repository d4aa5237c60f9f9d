/** Putting credentials into a file, in the form of containers-auth.json(5), and taking them out. */
import { encodeBase64 } from '../base/base64.js';
import { asObject, type Json, parseObject } from '../formats/json.js';
import type { Host } from '../host/host.js';
import { keysOf } from './credentials.js';

function readConfig(file: string, host: Host): Json {
  const text = host.readFile(file)?.text;
  return text?.trim() ? parseObject(text, file) : {};
}

const entriesOf = (config: Json, file: string): Json => asObject(config.auths ?? {}, `auths in ${file}`);

/** Whether a file has credentials for a registry itself: not by the help of a program. */
export function hasCredentials(file: string, registry: string, host: Host): boolean {
  const entries = entriesOf(readConfig(file, host), file);
  return keysOf(registry).some((key) => Object.hasOwn(entries, key));
}

const render = (config: Json) => `${JSON.stringify(config, null, 2)}\n`;

/** The text of the file with a name and a password for a registry in it. All else stays. */
export function withCredentials(
  file: string,
  registry: string,
  { user, password }: { readonly user: string; readonly password: string },
  host: Host,
): string {
  const config = readConfig(file, host);
  const auth = encodeBase64(`${user}:${password}`);
  return render({
    ...config,
    auths: { ...without(entriesOf(config, file), registry), [registry]: { auth } },
  });
}

/** The text of the file without those for a registry. */
export function withoutCredentials(file: string, registry: string, host: Host): string {
  const config = readConfig(file, host);
  return render({ ...config, auths: without(entriesOf(config, file), registry) });
}

function without(entries: Json, registry: string): Json {
  const keys = keysOf(registry);
  return Object.fromEntries(Object.entries(entries).filter(([key]) => !keys.includes(key)));
}
