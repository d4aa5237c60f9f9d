/** The file-system server of the user who runs the tests: root sees more. */
import { ordinaryUser, users } from '../../helpers/support.js';
import { testBehaviour } from './behaviour.js';

testBehaviour('server', users[0] ?? ordinaryUser);
