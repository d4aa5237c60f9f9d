// The programs that users type, in the order of the documents. Each is a separate executable: the target of that name
// in binding.gyp, with its TypeScript as bytecode (scripts/quickjs.mjs).
export const programs = [
  {
    name: 'ch-run-ts',
    /** What is bundled: exports main() and `native` (src/host/load-main.ts). */
    entry: 'src/run/main.ts',
    /** Other parts, loaded when they are needed. */
    parts: ['yaml'],
  },
  { name: 'ch-image-ts', entry: 'src/image/main.ts', parts: [] },
  { name: 'ch-oci-ts', entry: 'src/oci/main.ts', parts: [] },
];

/** The source of the parts. */
export const parts = { yaml: "export { parse } from 'yaml';" };

/** What is linked into a program, each in dist/NAME.bundle.js. */
export const bundlesOf = ({ name, parts }) => [name, `${name}-lines`, ...parts];
