import type Dockerode from 'dockerode';
import { z } from 'zod';
import {
  ConflictError,
  type CorduroyError,
  DockerUnavailableError,
  describeError,
  InternalError,
  InvalidRequestError,
  NotFoundError,
} from '../../model/errors.js';
import { type DockerNetworkId, parseDockerNetworkId } from '../../model/ids.js';
import { parsed } from '../../model/record.js';
import { askEngine, connectToEngine, type EngineRequest } from './engine-connection.js';

/** Docker's own work, and several calls of our plugin that each have a deadline of 2 s. */
const DEADLINE_MS = 20_000;

const created = z.object({ Id: parsed(parseDockerNetworkId) });

/** What we have an engine do: what it refuses is an error in its own words, with what to do. */
export class EngineOrders {
  readonly engine: Dockerode;
  readonly #driver: () => Promise<string>;

  /** @param options.driver our name as network and IPAM driver, which a managed plugin's engine has to be asked for */
  constructor(options: { readonly socketPath: string; readonly driver: () => Promise<string> }) {
    this.engine = connectToEngine(options.socketPath);
    this.#driver = options.driver;
  }

  /** Our name in this engine. @param failure what does not happen without it */
  driver(failure: string): Promise<string> {
    return this.#driver().catch((error: unknown) => {
      throw refusalOf(error, failure);
    });
  }

  /** @param what such as `network web` */
  async createNetwork(what: string, body: object): Promise<DockerNetworkId> {
    const answer = await this.ask(`${what} was not made`, { path: '/networks/create', method: 'POST', body });
    const id = created.safeParse(answer).data?.Id;
    if (id !== undefined) return id;
    throw new InternalError(`Docker made ${what} and its answer cannot be read; see "docker network ls"`);
  }

  /** @param failure what did not happen, for the message of the error */
  ask(failure: string, request: Omit<EngineRequest, 'abortSignal'>): Promise<unknown> {
    return this.within(failure, (abortSignal) => askEngine(this.engine, { ...request, abortSignal }));
  }

  /** The same, for a method of the client's. */
  async within<T>(failure: string, question: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await question(AbortSignal.timeout(DEADLINE_MS));
    } catch (error) {
      throw refusalOf(error, failure);
    }
  }
}

const refused = z.object({ statusCode: z.int(), json: z.object({ message: z.string() }).optional() });

/** What Docker's answer means. Its own words stand in the message; ours within them may end in a remedy already. */
export function refusalOf(error: unknown, failure: string): CorduroyError {
  const answer = refused.safeParse(error).data;
  if (answer === undefined) {
    const problem = `${failure}: Docker does not answer: ${describeError(error)}`;
    return new DockerUnavailableError(`${problem}; start it, see "systemctl status docker", and try again`, {
      cause: error,
    });
  }
  const words = (answer.json?.message ?? describeError(error)).replace(/\.$/, '');
  const message = `${failure}: Docker says: ${words}`;
  switch (answer.statusCode) {
    case 404:
      return new NotFoundError(message, { cause: error });
    case 403:
    case 409:
      return new ConflictError(`${message}${remedyFor(words)}`, { cause: error });
    default:
      // A container on the network is a 403 of newer engines and a 500 of older ones.
      return new InvalidRequestError(`${message}${remedyFor(words)}`, { cause: error });
  }
}

function remedyFor(words: string): string {
  if (words.includes('active endpoints')) return '; disconnect or remove the containers on it first';
  if (words.includes('does not have a leader')) return '; wait until it has one, see "docker node ls", and try again';
  if (words.includes('is in use by service')) return '; remove the service first, see "docker service ls"';
  if (words.includes('already exists')) return '; choose another name, or remove that network first';
  return '';
}
