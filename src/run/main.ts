/** The entry of the bundled command line interface. */
import { main } from './run.js';

void main(process.argv).then((status) => {
  process.exitCode = status;
});
