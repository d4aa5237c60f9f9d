/** What is added to an image that has a configuration: files below /ch, as Charliecloud has them. */
import { settingsOf } from '../formats/image.js';

export interface Metadata {
  /** Name and text. */
  readonly files: readonly (readonly [string, string])[];
  readonly warnings: readonly string[];
}

/** `config`: as it was read. */
export function describeImage(config: string): Metadata {
  const { environment, directory, labels, volumes, shell, architecture, history } = settingsOf(
    config,
    'the configuration',
  );
  // the file has lines: what is after a line break would be another variable
  const broken = environment.filter((entry) => entry.includes('\n'));
  const sound = environment.filter((entry) => !entry.includes('\n') && entry.includes('='));
  const metadata = {
    arch: architecture,
    cwd: directory,
    env: Object.fromEntries(sound.map((entry) => split(entry))),
    history,
    labels,
    shell,
    volumes,
  };
  return {
    files: [
      ['ch/config.json', config],
      ['ch/environment', sound.map((entry) => `${entry}\n`).join('')],
      ['ch/metadata.json', `${JSON.stringify(metadata, null, 2)}\n`],
    ],
    warnings: broken.map(
      (entry) => `variable ${split(entry)[0]} is not in /ch/environment: its value has a line break`,
    ),
  };
}

function split(entry: string): readonly [string, string] {
  const at = entry.indexOf('=');
  return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
}
