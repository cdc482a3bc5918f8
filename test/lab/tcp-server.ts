/**
 * A program: accepts TCP connections and tells each the address it comes from, so that a test can see who a server
 * sees, and that an established connection still carries what is sent.
 *
 *   tcp-server.js PORT...
 *
 * Prints `ready`. A line that a client sends comes back.
 */
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const ports = process.argv.slice(2).map(Number);
let waiting = ports.length;
for (const port of ports) {
  createServer((connection) => {
    connection.on('error', () => {});
    connection.write(`${connection.remoteAddress?.replace(/^::ffff:/, '')}\n`);
    connection.pipe(connection);
  }).listen(port, '::', () => --waiting === 0 && console.log('ready'));
}
createInterface({ input: process.stdin }).on('close', () => process.exit());
