// The machines that packages are made for, and what each packager calls them.
export const targets = [
  { arch: 'x86_64', npm: 'linux-x64', cpu: 'x64', deb: 'amd64', tools: '' },
  { arch: 'aarch64', npm: 'linux-arm64', cpu: 'arm64', deb: 'arm64', tools: 'aarch64-linux-gnu-' },
];

/** Of this machine; its programs are those of the checkout. */
export const here = targets.find(({ cpu }) => cpu === process.arch);
