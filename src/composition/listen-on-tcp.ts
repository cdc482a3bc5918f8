import { createServer, type RequestListener } from 'node:http';
import { InvalidRequestError } from '../model/errors.js';

/** @throws InvalidRequestError if the address is not this host's, or the port is taken */
export async function listenOnTcp(
  { host, port }: { readonly host: string; readonly port: number },
  listener: RequestListener,
): Promise<{ close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new InvalidRequestError(
          `metricsListen: ${host} port ${port} cannot be listened on: ${cause.message}; choose another address or port`,
          { cause },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
