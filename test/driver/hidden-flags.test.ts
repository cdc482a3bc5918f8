import { beforeEach, describe, expect, test } from '@jest/globals';
import { HiddenFlags } from '../../driver/hidden-flags.js';
import type { ContainerWishes, DockerContainer } from '../../src/effects/docker.js';
import { aContainer, aDockerNetwork, networkId } from '../builders/docker.js';
import { InMemoryDocker } from '../fakes/in-memory-docker.js';

const INSIDE = aDockerNetwork({ id: networkId('a'), name: 'inside', internal: true });
const WEB = aDockerNetwork({ id: networkId('b'), name: 'web' });
const SIGNAL = new AbortController().signal;

let docker: InMemoryDocker;
let flags: HiddenFlags;
/** The containers that Docker was asked about, in order. */
let asked: string[];
beforeEach(() => {
  docker = new InMemoryDocker();
  asked = [];
  flags = new HiddenFlags({
    wishes: (id) => {
      asked.push(id);
      return docker.wishes(id);
    },
  });
});

const container = (id: string, networks: readonly string[], wishes: Partial<ContainerWishes> = {}): DockerContainer => {
  const made = aContainer({ id, name: `c-${id}`, state: 'running', networks });
  docker.addContainer(made, wishes);
  return made;
};
const look = (...containers: readonly DockerContainer[]) => flags.look([INSIDE, WEB], containers, SIGNAL);
const PORTS = { published: ['80/tcp', '53/udp'] };

describe('published ports', () => {
  test('of a container on internal networks alone are told', async () => {
    await look(container('1', ['inside'], PORTS));
    expect(flags.findings()).toEqual([
      {
        kind: 'ports-not-published',
        subject: 'c-1',
        message:
          'container c-1 is to publish 80/tcp, 53/udp, and nothing is published: it is on internal networks only (inside); put it on a network without --internal, too',
      },
    ]);
  });

  test.each([
    ['on another network of ours, too', ['inside', 'web'], PORTS],
    ["on another driver's network, too", ['bridge', 'inside'], PORTS],
    ['on no internal network', ['web'], PORTS],
    ['on an internal network without ports', ['inside'], {}],
  ])('are no finding %s', async (_, networks, wishes) => {
    await look(container('1', networks, wishes));
    expect(flags.findings()).toEqual([]);
  });
});

describe('link-local addresses', () => {
  const linkLocal = (network: string) => ({ linkLocalAddresses: new Map([[network, ['169.254.7.7']]]) });

  test('on a network of ours are told', async () => {
    await look(container('1', ['web'], linkLocal('web')));
    expect(flags.findings()).toMatchObject([
      { kind: 'link-local-address', message: expect.stringMatching(/^container c-1 has 169.254.7.7 on network web/) },
    ]);
  });

  test("on another driver's network are that driver's affair", async () => {
    await look(container('1', ['web', 'bridge'], linkLocal('bridge')));
    expect(flags.findings()).toEqual([]);
  });
});

describe('Docker is asked', () => {
  test('once for each container, and again when its networks are others', async () => {
    const one = container('1', ['inside'], PORTS);
    await look(one);
    await look(one);
    expect(asked).toEqual(['1']);
    expect(flags.findings()).toHaveLength(1);
    await look(container('1', ['inside', 'web'], PORTS));
    expect(asked).toEqual(['1', '1']);
    expect(flags.findings()).toEqual([]);
  });

  test('never for a container that does not run, or is on no network of ours', async () => {
    await look({ ...container('1', ['inside']), state: 'created' }, container('2', ['bridge']));
    expect(asked).toEqual([]);
  });

  test('again when it did not answer', async () => {
    const one = container('1', ['inside'], PORTS);
    docker.silence();
    await look(one);
    docker.speak();
    await look(one);
    expect(flags.findings()).toHaveLength(1);
  });

  test('for a few at a time, and tells whether there are more', async () => {
    const many = Array.from({ length: 25 }, (_, index) => container(`${index}`, ['inside'], PORTS));
    expect(await look(...many)).toBe(true);
    expect(asked).toHaveLength(20);
    expect(await look(...many)).toBe(false);
    expect(flags.findings()).toHaveLength(25);
  });

  test('for nothing that is gone: its finding goes, too', async () => {
    await look(container('1', ['inside'], PORTS));
    await look();
    expect(flags.findings()).toEqual([]);
  });
});
