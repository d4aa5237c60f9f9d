/** From the configuration of an image to the annotations of a bundle: image-spec, "Conversion to OCI Runtime Configuration". */
import { asObject, type Json, parseObject, textIn } from './json.js';

/** What runtimes obey is not for an image to say. */
const obeyed = /^(run\.oci\.|org\.systemd\.property\.|org\.criu\.)/;

export interface Annotations {
  readonly annotations: Readonly<Record<string, string>>;
  /** Labels that are none of them. */
  readonly leftOut: readonly string[];
}

const prefix = 'org.opencontainers.image';

/** Labels take precedence over fields. */
export function annotationsOf(text: string, what: string): Annotations {
  const config = parseObject(text, what);
  const run = asObject(config.config ?? {}, `config of ${what}`);
  const labels = Object.entries(asObject(run.Labels ?? {}, `config.Labels of ${what}`)).filter(
    (label): label is [string, string] => label[0] !== '' && typeof label[1] === 'string',
  );
  return {
    annotations: Object.fromEntries([
      ...fieldsOf(config, run),
      ...labels.filter(([name]) => !obeyed.test(name)),
    ]),
    leftOut: labels.map(([name]) => name).filter((name) => obeyed.test(name)),
  };
}

function fieldsOf(config: Json, run: Json): readonly (readonly [string, string])[] {
  const ports = Object.keys(asObject(run.ExposedPorts ?? {}, 'config.ExposedPorts')).sort();
  const fields = [
    [`${prefix}.os`, textIn(config, 'os')],
    [`${prefix}.architecture`, textIn(config, 'architecture')],
    [`${prefix}.variant`, textIn(config, 'variant')],
    [`${prefix}.author`, textIn(config, 'author')],
    [`${prefix}.created`, textIn(config, 'created')],
    [`${prefix}.stopSignal`, textIn(run, 'StopSignal')],
    [`${prefix}.exposedPorts`, ports.join(',')],
  ] as const;
  return fields.flatMap(([name, value]) => (value ? [[name, value] as const] : []));
}
