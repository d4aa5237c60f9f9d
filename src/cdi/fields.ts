/** The fields of a CDI specification: their form, and the version that introduced them. */

/** The released versions; before 0.3.0 the format was different. */
export const versions: readonly string[] = [
  ...['0.3.0', '0.4.0', '0.5.0', '0.6.0', '0.7.0', '0.8.0'],
  ...['1.0.0', '1.1.0'],
];

export type Fields = Readonly<Record<string, Field>>;

export interface Field {
  readonly form: 'text' | 'path' | 'count' | 'flag' | 'texts' | 'assignments' | 'counts' | 'map' | Fields;
  /** A list of such objects. */
  readonly list?: true;
  readonly required?: true;
  /** The first version that has it. */
  readonly since?: string;
  /** The only values that there are. */
  readonly values?: readonly string[];
}

const deviceNode: Fields = {
  path: { form: 'path', required: true },
  hostPath: { form: 'path', since: '0.5.0' },
  type: { form: 'text', values: ['', 'b', 'c', 'u', 'p'] },
  major: { form: 'count' },
  minor: { form: 'count' },
  fileMode: { form: 'count' },
  permissions: { form: 'text' },
  uid: { form: 'count' },
  gid: { form: 'count' },
};

const mount: Fields = {
  hostPath: { form: 'path', required: true },
  containerPath: { form: 'path', required: true },
  options: { form: 'texts' },
  type: { form: 'text', since: '0.4.0' },
};

const hook: Fields = {
  hookName: {
    form: 'text',
    required: true,
    values: ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'],
  },
  path: { form: 'path', required: true },
  args: { form: 'texts' },
  env: { form: 'assignments' },
  timeout: { form: 'count' },
};

const netDevice: Fields = {
  hostInterfaceName: { form: 'text', required: true },
  name: { form: 'text', required: true },
};

const intelRdt: Fields = {
  closID: { form: 'text' },
  l3CacheSchema: { form: 'text' },
  memBwSchema: { form: 'text' },
  schemata: { form: 'texts', since: '1.1.0' },
  enableMonitoring: { form: 'flag', since: '1.1.0' },
  enableCMT: { form: 'flag' },
  enableMBM: { form: 'flag' },
};

const containerEdits: Fields = {
  env: { form: 'assignments' },
  deviceNodes: { form: deviceNode, list: true },
  mounts: { form: mount, list: true },
  hooks: { form: hook, list: true },
  additionalGids: { form: 'counts', since: '0.7.0' },
  intelRdt: { form: intelRdt, since: '0.7.0' },
  netDevices: { form: netDevice, list: true, since: '1.1.0' },
};

const device: Fields = {
  name: { form: 'text', required: true },
  annotations: { form: 'map', since: '0.6.0' },
  containerEdits: { form: containerEdits, required: true },
};

export const specFields: Fields = {
  cdiVersion: { form: 'text', required: true, values: versions },
  kind: { form: 'text', required: true },
  annotations: { form: 'map', since: '0.6.0' },
  devices: { form: device, list: true, required: true },
  containerEdits: { form: containerEdits },
};
