import type { ContainerWishes, Docker, DockerContainer, DockerNetwork } from '../src/effects/docker.js';
import type { ReconcileFinding } from '../src/effects/reconcile-status.js';

/** Containers that are asked about in one run of the reconciler: a few ms of the engine's time each. */
const CONTAINERS_AT_ONCE = 20;

interface Known {
  /** The networks that it was on when it was asked about. */
  readonly networks: string;
  readonly findings: readonly ReconcileFinding[];
}

/**
 * Flags of `docker run` that Docker does not tell a network driver, so that nobody can refuse them, and that are in
 * vain on our networks. They are looked up once for each container, after its start.
 */
export class HiddenFlags {
  readonly #docker: Pick<Docker, 'wishes'>;
  #known: ReadonlyMap<string, Known> = new Map();

  constructor(docker: Pick<Docker, 'wishes'>) {
    this.#docker = docker;
  }

  findings(): readonly ReconcileFinding[] {
    return [...this.#known.values()].flatMap(({ findings }) => findings);
  }

  /**
   * Asks about containers that are new or on other networks than before.
   *
   * @param ours Docker's networks of our driver
   * @returns whether there are more of them than were asked about
   */
  async look(
    ours: readonly DockerNetwork[],
    containers: readonly DockerContainer[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const byName = new Map(ours.map((network) => [network.name, network]));
    const here = containers.filter(
      ({ state, networks }) => state === 'running' && networks.some((name) => byName.has(name)),
    );
    const known = new Map<string, Known>();
    const unknown: DockerContainer[] = [];
    for (const container of here) {
      const before = this.#known.get(container.id);
      if (before?.networks === container.networks.join()) known.set(container.id, before);
      else unknown.push(container);
    }
    for (const container of unknown.slice(0, CONTAINERS_AT_ONCE)) {
      const wishes = await this.#docker.wishes(container.id, signal);
      if (wishes === undefined) continue;
      const findings = inVain(container, wishes, byName);
      known.set(container.id, { networks: container.networks.join(), findings });
    }
    this.#known = known;
    return unknown.length > CONTAINERS_AT_ONCE;
  }
}

function inVain(
  { name, networks }: DockerContainer,
  { published, linkLocalAddresses }: ContainerWishes,
  ours: ReadonlyMap<string, DockerNetwork>,
): readonly ReconcileFinding[] {
  const findings: ReconcileFinding[] = [];
  if (published.length > 0 && networks.every((network) => ours.get(network)?.internal)) {
    const message = `container ${name} is to publish ${published.join(', ')}, and nothing is published: it is on internal networks only (${networks.join(', ')}); put it on a network without --internal, too`;
    findings.push({ kind: 'ports-not-published', subject: name, message });
  }
  for (const [network, addresses] of linkLocalAddresses) {
    if (!ours.has(network)) continue;
    const message = `container ${name} has ${addresses.join(', ')} on network ${network} from --link-local-ip: the kernel takes it as the source of what the container sends, which is dropped as forged; make the container again without it`;
    findings.push({ kind: 'link-local-address', subject: name, message });
  }
  return findings;
}
