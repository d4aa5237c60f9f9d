/** The entry of the bundled command line interface of ch-image-ts, on every engine. */
export { native } from '../host/native.js';
export { main } from './run.js';
