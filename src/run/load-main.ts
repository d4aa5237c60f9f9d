/** What Node starts: the bundled main.ts, with V8's code cache where that fits this Node, which spares compiling it. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/** The bundle is a script whose value is this function; all that it requires is built into Node. */
type Bundle = (require: typeof process.getBuiltinModule, path: string) => void;

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

const directory = dirname(fileURLToPath(import.meta.url));
const filename = join(directory, 'main.bundle.js');
// the bundle is ASCII; a cache that another Node or another bundle has made is not used by V8
const script = new Script(readFileSync(filename, 'latin1'), {
  filename,
  cachedData: readIfThere(join(directory, 'main.cache')),
});
(script.runInThisContext() as Bundle)(process.getBuiltinModule, filename);
