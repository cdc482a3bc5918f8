import type { RequestListener } from 'node:http';
import { failureReply } from '../protocol/error-response.js';
import { listenOnInheritedSocket } from './inherited-socket.js';

/**
 * Answers everybody who calls the socket that systemd holds with the reason why no daemon runs, until `over`. Without an
 * answer Docker would wait in that socket for ever, at its own start too.
 *
 * Docker remembers nothing of it: the handshake fails as well, so it asks anew the next time.
 */
export async function answerWithFailure(fd: number, reason: string, over: Promise<unknown>): Promise<void> {
  const body = JSON.stringify(failureReply(reason));
  const answer: RequestListener = (request, response) => {
    request.resume();
    response.writeHead(500, { 'content-type': 'application/json', connection: 'close' }).end(body);
  };
  const server = await listenOnInheritedSocket(fd, answer);
  await over;
  await server.close();
}
