/** The entry of the bundled command line interface. */
import { main } from './cli.js';

process.exitCode = main(process.argv);
