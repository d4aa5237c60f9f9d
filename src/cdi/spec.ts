/** A specification of the Container Device Interface (CDI), as far as containers need it. */

/** A device node of the host. */
export interface DeviceNode {
  /** In the container. */
  readonly path: string;
  /** On the host; the same as `path` if absent. */
  readonly hostPath?: string;
  /** b: block, c and u: character, p: pipe. */
  readonly type?: 'b' | 'c' | 'u' | 'p';
  readonly major?: number;
  readonly minor?: number;
}

export interface Mount {
  readonly hostPath: string;
  readonly containerPath: string;
  /** As of mount(8). */
  readonly options?: readonly string[];
  readonly type?: string;
}

/** A program to be run at a moment in the life of a container (OCI runtime specification, "POSIX-platform Hooks"). */
export interface Hook {
  /** The moment: createContainer, startContainer … */
  readonly hookName: string;
  readonly path: string;
  /** Its whole argument vector. */
  readonly args?: readonly string[];
  /** `NAME=VALUE` each. */
  readonly env?: readonly string[];
  /** Seconds, more than 0. */
  readonly timeout?: number;
}

/** What a device changes in a container. */
export interface ContainerEdits {
  /** `NAME=VALUE` each. */
  readonly env?: readonly string[];
  readonly deviceNodes?: readonly DeviceNode[];
  readonly mounts?: readonly Mount[];
  readonly hooks?: readonly Hook[];
  readonly additionalGids?: readonly number[];
  readonly netDevices?: readonly { readonly hostInterfaceName: string }[];
  readonly intelRdt?: object;
}

export interface Spec {
  readonly cdiVersion: string;
  /** `vendor.com/class`. */
  readonly kind: string;
  readonly devices: readonly { readonly name: string; readonly containerEdits: ContainerEdits }[];
  /** For each container that has any of the devices. */
  readonly containerEdits?: ContainerEdits;
}
