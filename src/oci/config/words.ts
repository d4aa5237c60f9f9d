/** The words that config.json uses for things of the kernel. */

export const namespaceKinds = ['user', 'pid', 'network', 'mount', 'ipc', 'uts', 'cgroup', 'time'] as const;

/** setrlimit(2). */
export const rlimitTypes = [
  ...['AS', 'CORE', 'CPU', 'DATA', 'FSIZE', 'LOCKS', 'MEMLOCK', 'MSGQUEUE', 'NICE', 'NOFILE', 'NPROC'],
  ...['RSS', 'RTPRIO', 'RTTIME', 'SIGPENDING', 'STACK'],
].map((name) => `RLIMIT_${name}`);

export const hookNames = [
  ...['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'],
] as const;
