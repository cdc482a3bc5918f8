import { describeForeignHands } from './foreign-hands.js';

// A file for each backend, so that they run side by side.
describeForeignHands('nft');
