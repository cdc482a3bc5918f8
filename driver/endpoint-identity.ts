import type { Clock } from '../src/effects/clock.js';
import type { ClusterStore } from '../src/effects/cluster-view.js';
import type { Docker, DockerContainer, DockerNetwork } from '../src/effects/docker.js';
import type { Logger } from '../src/effects/logger.js';
import type { ReconcileFinding } from '../src/effects/reconcile-status.js';
import { EndpointRecord, endpointKey } from '../src/model/endpoint.js';
import type { EndpointId, NodeName } from '../src/model/ids.js';
import { ContainerFinder } from './container-finder.js';
import { withContainer } from './endpoint-marks.js';
import { EndpointQuestions } from './endpoint-questions.js';
import { LabelFindings, unknownProfiles } from './label-findings.js';

/** ms that a new endpoint is given for Docker's event, which comes when it has joined, before it is asked for without. */
const EVENT_MS = 100;
/** Up to so many containers are asked for by name; of more, the whole list is read once. */
const MAX_BY_NAME = 2;
/** Lost races in a row before the reconciler's next run has to do it. */
const MAX_CAS_ATTEMPTS = 5;
/** ms for another's write to arrive in our view. */
const VIEW_DELAY_MS = 20;

export interface IdentityDependencies {
  readonly node: NodeName;
  readonly store: ClusterStore;
  readonly docker: Docker;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Learns which container is behind each endpoint of this node, and keeps it in the endpoint's record. It asks after
 * Docker's calls, never inside them; a container runs with its network's profiles until then.
 */
export class EndpointIdentity {
  readonly #on: IdentityDependencies;
  readonly #questions: EndpointQuestions;
  readonly #labels: LabelFindings;
  readonly #unsubscribe: () => void;

  constructor(dependencies: IdentityDependencies) {
    this.#on = dependencies;
    const { node, store, clock, log } = dependencies;
    this.#questions = new EndpointQuestions({ clock, log, ask: (ids) => this.#askFor(ids) });
    this.#labels = new LabelFindings(log);
    this.#unsubscribe = store.subscribe((change) => {
      if (change.kind !== 'endpoint') return;
      const endpoint = change.after ?? change.before;
      if (endpoint?.node !== node) return;
      if (change.after === undefined) this.#forget(endpoint.id);
      else if (change.after.container === undefined && change.before === undefined)
        this.#questions.want([endpoint.id], EVENT_MS);
    });
  }

  /** Asks for these at once, and again with growing pauses until Docker tells. */
  want(ids: Iterable<EndpointId>): void {
    this.#questions.want(ids);
  }

  /** Takes from a whole answer of Docker's what it says about our endpoints: unknown containers, and new names. */
  async learn(networks: readonly DockerNetwork[], containers: readonly DockerContainer[]): Promise<void> {
    const finder = new ContainerFinder(containers);
    for (const network of networks) {
      for (const [id, named] of network.endpoints) {
        const container = finder.find(named);
        if (container !== undefined) await this.#record(id, container);
      }
    }
  }

  findings(): readonly ReconcileFinding[] {
    return this.#labels.findings(this.#on.store);
  }

  /** Resolves when no question is under way any more. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#questions.close();
  }

  async #askFor(ids: readonly EndpointId[]): Promise<void> {
    const { store, docker } = this.#on;
    const { signal } = this.#questions;
    const networkIds = new Set(ids.flatMap((id) => store.endpoints.get(id)?.value.dockerNetworkId ?? []));
    const answers = await Promise.all([...networkIds].map((id) => docker.network(id, signal)));
    const named = answers.flatMap((network) =>
      typeof network === 'object' ? [...network.endpoints].filter(([id]) => this.#questions.isWanted(id)) : [],
    );
    for (const id of ids) if (!store.endpoints.has(id)) this.#forget(id);
    if (named.length === 0) return;
    const finder = new ContainerFinder(await this.#containers(named.map(([, { containerName }]) => containerName)));
    for (const [id, name] of named) {
      const container = finder.find(name);
      if (container !== undefined) await this.#record(id, container);
    }
  }

  async #containers(names: readonly string[]): Promise<readonly DockerContainer[]> {
    const { docker } = this.#on;
    const { signal } = this.#questions;
    if (names.length > MAX_BY_NAME) return (await docker.containers(signal)) ?? [];
    const found = await Promise.all(names.map((name) => docker.containerByName(name, signal)));
    return found.filter((container) => container !== undefined);
  }

  async #record(id: EndpointId, container: DockerContainer): Promise<void> {
    const { node, store, clock, log } = this.#on;
    for (let attempt = 1; attempt <= MAX_CAS_ATTEMPTS; attempt++) {
      const current = store.endpoints.get(id);
      if (current === undefined || current.value.node !== node) {
        this.#forget(id);
        return;
      }
      const { endpoint, marks } = withContainer(current.value, container);
      this.#labels.tell(id, marks.problems);
      if (endpoint === current.value) {
        this.#questions.answered(id);
        return;
      }
      const key = endpointKey(node, id);
      const outcome = await store.transact({
        compares: [{ key, revision: current.revision }],
        writes: [{ kind: 'put', key, value: EndpointRecord.encode(endpoint) }],
      });
      if (outcome.kind === 'committed') {
        this.#questions.answered(id);
        log.info({ endpointId: id, container: container.name }, 'the container of an endpoint is known');
        for (const { message } of unknownProfiles(endpoint, store)) log.warn({ endpointId: id }, message);
        return;
      }
      await clock.sleep(VIEW_DELAY_MS, this.#questions.signal);
    }
  }

  #forget(id: EndpointId): void {
    this.#questions.answered(id);
    this.#labels.forget(id);
  }
}
