/** The file-system server of an ordinary user, where root runs the tests; else it is the one of server.test.ts. */
import t from 'tap';
import { isRoot, ordinaryUser } from '../../helpers/support.js';
import { testBehaviour } from './behaviour.js';

if (isRoot) testBehaviour('server', ordinaryUser);
else t.pass('server.test.ts runs as an ordinary user');
