import { inspect } from 'node:util';
import Dockerode from 'dockerode';

/**
 * The engine behind a socket. Paths bear no version: every engine then answers in the newest one it speaks, and what
 * is read here is the same from 20.10 to 29.
 */
export function connectToEngine(socketPath: string): Dockerode {
  // What is left out would be taken from DOCKER_HOST and its like, which speak of another engine than the plugin's.
  const unset = { host: undefined, port: undefined, version: undefined, timeout: undefined };
  return new Dockerode({ ...unset, protocol: 'http', socketPath } as Dockerode.DockerOptions);
}

export interface EngineRequest {
  readonly path: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: object;
  readonly abortSignal: AbortSignal;
}

/** Several of dockerode's own methods cannot be aborted: with a hung engine their connections would pile up. */
export function askEngine(engine: Dockerode, { body, ...request }: EngineRequest): Promise<unknown> {
  const statusCodes = { 200: true, 201: true, 204: true };
  const options = body === undefined ? {} : { options: body };
  // docker-modem inspects what it sends to the last depth, whether anybody debugs or not: 5 ms for a signal.
  Object.defineProperty(request.abortSignal, inspect.custom, { value: () => 'AbortSignal', configurable: true });
  return new Promise((resolve, reject) => {
    engine.modem.dial({ ...request, ...options, statusCodes }, (error: unknown, answer: unknown) =>
      error ? reject(error) : resolve(answer),
    );
  });
}
