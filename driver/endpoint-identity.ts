import type { Clock } from '../src/effects/clock.js';
import type { ClusterStore } from '../src/effects/cluster-view.js';
import type { Docker, DockerContainer, DockerNetwork } from '../src/effects/docker.js';
import type { Logger } from '../src/effects/logger.js';
import type { ReconcileFinding } from '../src/effects/reconcile-status.js';
import { type Endpoint, EndpointRecord, endpointKey } from '../src/model/endpoint.js';
import { describeError } from '../src/model/errors.js';
import type { EndpointId, NodeName } from '../src/model/ids.js';
import { withContainer } from './endpoint-marks.js';

/** ms that a new endpoint is given for Docker's event, which comes when it has joined, before it is asked for without. */
const EVENT_MS = 100;
/** ms before each further question about an endpoint whose container Docker does not tell yet; then the reconciler's run. */
const PAUSES_MS = [50, 100, 200, 500, 1_000, 2_000, 5_000] as const;
/** ms between two questions: many containers that start at once are asked for together. */
const REST_MS = 20;
/** The same after questions in vain, which double it each time: what Docker knows of a container it tells by an event. */
const LONGEST_REST_MS = 160;
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

interface Question {
  /** In vain. */
  readonly attempts: number;
  /** When it is asked next. */
  readonly dueMs: number;
}

/**
 * Learns which container is behind each endpoint of this node, and keeps it in the endpoint's record. It asks after
 * Docker's calls, never inside them; a container runs with its network's profiles until then.
 */
export class EndpointIdentity {
  readonly #on: IdentityDependencies;
  readonly #wanted = new Map<EndpointId, Question>();
  readonly #problems = new Map<EndpointId, readonly string[]>();
  readonly #abort = new AbortController();
  readonly #unsubscribe: () => void;
  #running: Promise<void> | undefined;
  #wake: () => void = () => {};
  /** When it wakes by itself, while it sleeps. */
  #sleepsUntilMs = 0;
  #restMs: number = REST_MS;
  /** No sooner is anything asked, but for what an event tells of. */
  #restsUntilMs = 0;

  constructor(dependencies: IdentityDependencies) {
    this.#on = dependencies;
    this.#unsubscribe = dependencies.store.subscribe((change) => {
      if (change.kind !== 'endpoint') return;
      const endpoint = change.after ?? change.before;
      if (endpoint?.node !== dependencies.node) return;
      if (change.after === undefined) this.#forget(endpoint.id);
      else if (change.after.container === undefined && change.before === undefined) this.want([endpoint.id], EVENT_MS);
    });
  }

  /** Asks for these after `delayMs`, and again with growing pauses until Docker tells. */
  want(ids: Iterable<EndpointId>, delayMs = 0): void {
    const dueMs = this.#nowMs() + delayMs;
    for (const id of ids) this.#wanted.set(id, { attempts: 0, dueMs });
    if (this.#wanted.size === 0) return;
    if (delayMs === 0) this.#restsUntilMs = 0;
    if (Math.max(dueMs, this.#restsUntilMs) < this.#sleepsUntilMs) this.#wake();
    this.#running ??= this.#run();
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
    const { store } = this.#on;
    const unknown = [...store.localEndpoints.values()].flatMap(({ value }) => unknownProfiles(value, store));
    const invalid = [...this.#problems].flatMap(([id, problems]) =>
      problems.map((message): ReconcileFinding => ({ kind: 'invalid-label', subject: id, message })),
    );
    return [...unknown, ...invalid];
  }

  /** Resolves when no question is under way any more. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#wanted.clear();
    this.#abort.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log } = this.#on;
    try {
      // What is wanted in the same tick is asked for together.
      await Promise.resolve();
      while (this.#wanted.size > 0 && !this.#abort.signal.aborted) {
        const due = new Map([...this.#wanted].filter(([, { dueMs }]) => dueMs <= this.#nowMs()));
        if (due.size > 0) await this.#ask(due);
        await this.#sleepUntilDue();
      }
    } catch (error) {
      log.warn(
        { error: describeError(error) },
        'containers of endpoints were not learned; the next reconciliation tries again',
      );
      this.#wanted.clear();
    } finally {
      this.#running = undefined;
    }
  }

  async #ask(due: ReadonlyMap<EndpointId, Question>): Promise<void> {
    this.#restsUntilMs = this.#nowMs() + this.#restMs;
    await this.#askFor([...due.keys()]);
    // The others are answered, or wanted anew meanwhile.
    const inVain = [...due].filter(([id, question]) => this.#wanted.get(id) === question);
    for (const [id, question] of inVain) this.#countInVain(id, question);
    this.#restMs = inVain.length < due.size ? REST_MS : Math.min(2 * this.#restMs, LONGEST_REST_MS);
  }

  #countInVain(id: EndpointId, question: Question): void {
    const pauseMs = PAUSES_MS[question.attempts];
    if (pauseMs === undefined) this.#wanted.delete(id);
    else this.#wanted.set(id, { attempts: question.attempts + 1, dueMs: this.#nowMs() + pauseMs });
  }

  async #sleepUntilDue(): Promise<void> {
    const next = Math.min(...[...this.#wanted.values()].map(({ dueMs }) => dueMs));
    if (this.#wanted.size === 0 || this.#abort.signal.aborted) return;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    this.#sleepsUntilMs = Math.max(next, this.#restsUntilMs);
    await this.#on.clock.sleep(this.#sleepsUntilMs - this.#nowMs(), woken.signal);
    this.#sleepsUntilMs = 0;
  }

  #nowMs(): number {
    return this.#on.clock.now().getTime();
  }

  async #askFor(ids: readonly EndpointId[]): Promise<void> {
    const { store, docker } = this.#on;
    const networkIds = new Set(ids.flatMap((id) => store.endpoints.get(id)?.value.dockerNetworkId ?? []));
    const answers = await Promise.all([...networkIds].map((id) => docker.network(id, this.#abort.signal)));
    const named = answers.flatMap((network) =>
      typeof network === 'object' ? [...network.endpoints].filter(([id]) => this.#wanted.has(id)) : [],
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
    const { signal } = this.#abort;
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
      this.#tellProblems(id, marks.problems);
      if (endpoint === current.value) {
        this.#wanted.delete(id);
        return;
      }
      const key = endpointKey(node, id);
      const outcome = await store.transact({
        compares: [{ key, revision: current.revision }],
        writes: [{ kind: 'put', key, value: EndpointRecord.encode(endpoint) }],
      });
      if (outcome.kind === 'committed') {
        this.#wanted.delete(id);
        log.info({ endpointId: id, container: container.name }, 'the container of an endpoint is known');
        for (const { message } of unknownProfiles(endpoint, store)) log.warn({ endpointId: id }, message);
        return;
      }
      await clock.sleep(VIEW_DELAY_MS, this.#abort.signal);
    }
  }

  #tellProblems(id: EndpointId, problems: readonly string[]): void {
    if (problems.length === 0) {
      this.#problems.delete(id);
      return;
    }
    if (!this.#problems.has(id)) for (const problem of problems) this.#on.log.warn({ endpointId: id }, problem);
    this.#problems.set(id, problems);
  }

  #forget(id: EndpointId): void {
    this.#wanted.delete(id);
    this.#problems.delete(id);
  }
}

/** Docker names an endpoint's container by id once it has joined, and by name before. */
class ContainerFinder {
  readonly #byId: ReadonlyMap<string, DockerContainer>;
  readonly #byName: ReadonlyMap<string, DockerContainer>;
  constructor(containers: readonly DockerContainer[]) {
    this.#byId = new Map(containers.map((container) => [container.id, container]));
    this.#byName = new Map(containers.map((container) => [container.name, container]));
  }

  find({ containerId, containerName }: { containerId?: string | undefined; containerName: string }) {
    return containerId === undefined ? this.#byName.get(containerName) : this.#byId.get(containerId);
  }
}

function unknownProfiles(
  endpoint: Endpoint,
  { profiles }: Pick<ClusterStore, 'profiles'>,
): readonly ReconcileFinding[] {
  if (endpoint.profiles !== undefined) return [];
  return (endpoint.containerProfiles ?? [])
    .filter((name) => !profiles.has(name))
    .map((name) => ({
      kind: 'unknown-profile',
      subject: endpoint.container?.name ?? endpoint.id,
      message: `container ${endpoint.container?.name ?? endpoint.id} bears the label corduroy.profiles=${name}, and there is no such profile: until "corduroy profile add ${name}" it denies everything`,
    }));
}
