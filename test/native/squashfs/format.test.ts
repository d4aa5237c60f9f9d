/** What images are read as; the same for all users. */
import { ordinaryUser, users } from '../../helpers/support.js';
import { testBehaviour } from './behaviour.js';

testBehaviour('format', users[0] ?? ordinaryUser);
