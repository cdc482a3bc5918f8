import type { ClusterStore } from '../src/effects/cluster-view.js';
import type { Logger } from '../src/effects/logger.js';
import type { ReconcileFinding } from '../src/effects/reconcile-status.js';
import type { Endpoint } from '../src/model/endpoint.js';
import type { EndpointId } from '../src/model/ids.js';

/** What is wrong with the labels of containers: those that cannot be read, and profiles that nobody has made. */
export class LabelFindings {
  readonly #log: Logger;
  readonly #problems = new Map<EndpointId, readonly string[]>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Logs an endpoint's the first time that it has any. */
  tell(id: EndpointId, problems: readonly string[]): void {
    if (problems.length === 0) {
      this.#problems.delete(id);
      return;
    }
    if (!this.#problems.has(id)) for (const problem of problems) this.#log.warn({ endpointId: id }, problem);
    this.#problems.set(id, problems);
  }

  forget(id: EndpointId): void {
    this.#problems.delete(id);
  }

  /** Of profiles it tells as they are now. */
  findings(store: Pick<ClusterStore, 'localEndpoints' | 'profiles'>): readonly ReconcileFinding[] {
    const unknown = [...store.localEndpoints.values()].flatMap(({ value }) => unknownProfiles(value, store));
    const invalid = [...this.#problems].flatMap(([id, problems]) =>
      problems.map((message): ReconcileFinding => ({ kind: 'invalid-label', subject: id, message })),
    );
    return [...unknown, ...invalid];
  }
}

/** Of those that the endpoint has by its container's label. */
export function unknownProfiles(
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
