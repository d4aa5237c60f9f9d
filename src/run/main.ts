/** The entry of the bundled command line interface, on every engine. */
export { native } from '../host/native.js';
export { main } from './run.js';
