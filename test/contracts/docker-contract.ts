import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Docker, DockerEvent } from '../../src/effects/docker.js';
import { type DockerNetworkId, parseDockerNetworkId } from '../../src/model/ids.js';
import { eventually } from './eventually.js';

/** What a person does to an engine. */
export interface EngineWorld {
  readonly docker: Docker;
  /** What `driver` is of the networks it makes. */
  readonly driver: string;
  /** With subnet 10.77.0.0/24, gateway 10.77.0.1 and label `k=v`. @returns its id */
  createNetwork(name: string): Promise<string>;
  removeNetwork(name: string): Promise<void>;
  /** A container that runs, with label `tier=back`. @returns its id */
  run(name: string, network: string): Promise<string>;
  /** The same, with `-p 80` and `--link-local-ip 169.254.7.7`. @returns its id */
  runInVain(name: string, network: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  removeContainer(name: string): Promise<void>;
  /** Ends the engine; containers may end with it. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** What the engine tells, be it real or a model. The tests are one story, in order. */
export function describeDocker(name: string, open: () => Promise<EngineWorld>): void {
  describe(`${name}, asked for what it knows`, () => {
    let world: EngineWorld;
    let docker: Docker;
    let networkId: DockerNetworkId;
    let containerId: string;
    const events: DockerEvent[] = [];
    let following: { close(): void };
    const connections = () => events.filter(({ kind }) => kind === 'connected').length;

    beforeAll(async () => {
      world = await open();
      docker = world.docker;
      following = docker.events((event) => events.push(event));
      await eventually(() => expect(connections()).toBe(1));
    }, 60_000);
    afterAll(async () => {
      following?.close();
      await world?.close();
    }, 60_000);

    test('tells a new network with all that it was made of', async () => {
      networkId = parseDockerNetworkId(await world.createNetwork('net.one'));
      expect(await docker.network(networkId)).toEqual({
        id: networkId,
        name: 'net.one',
        driver: world.driver,
        scope: 'local',
        ipamDriver: 'default',
        ipamOptions: {},
        internal: false,
        attachable: false,
        ipv4: true,
        ipv6: false,
        subnets: [{ cidr: '10.77.0.0/24', gateway: '10.77.0.1', auxiliary: {} }],
        options: {},
        labels: { k: 'v' },
        endpoints: new Map(),
      });
      await eventually(() => expect(events).toContainEqual({ kind: 'networkCreated', networkId }));
    });

    test('knows that a network is not there', async () => {
      expect(await docker.network(parseDockerNetworkId('0'.repeat(64)))).toBe('absent');
    });

    test('tells the container behind an endpoint, by id once it has joined', async () => {
      containerId = await world.run('web.1', 'net.one');
      await eventually(() => expect(events).toContainEqual({ kind: 'endpointJoined', networkId, containerId }));
      const network = await docker.network(networkId);
      if (typeof network !== 'object') throw new Error('the network is not told');
      expect([...network.endpoints.values()]).toEqual([{ containerName: 'web.1', containerId }]);
      const listed = (await docker.networks())?.find(({ id }) => id === networkId);
      expect(listed).toEqual(network);
    });

    test('finds a container by its name, whose dots are dots', async () => {
      const container = await docker.containerByName('web.1');
      expect(container).toMatchObject({ id: containerId, name: 'web.1', state: 'running', labels: { tier: 'back' } });
      expect(await docker.containers()).toEqual([container]);
      for (const other of ['web-1', 'webx1', 'web.', '.*', 'eb.1']) {
        expect(await docker.containerByName(other)).toBeUndefined();
      }
    });

    test('tells what a container was started with', async () => {
      const id = await world.runInVain('wish', 'net.one');
      expect(await docker.wishes(id)).toEqual({
        published: ['80/tcp'],
        linkLocalAddresses: new Map([['net.one', ['169.254.7.7']]]),
      });
      expect(await docker.wishes(containerId)).toEqual({ published: [], linkLocalAddresses: new Map() });
      await world.removeContainer('wish');
      expect(await docker.wishes(id)).toBeUndefined();
    });

    test('tells that a container has a new name', async () => {
      await world.rename('web.1', 'web.2');
      await eventually(() => expect(events).toContainEqual({ kind: 'containerRenamed', containerId }));
      expect((await docker.containerByName('web.2'))?.id).toBe(containerId);
    });

    test('tells that a container is gone, and its endpoint', async () => {
      await world.removeContainer('web.2');
      await eventually(() => {
        expect(events).toContainEqual({ kind: 'containerDied', containerId });
        expect(events).toContainEqual({ kind: 'endpointLeft', networkId, containerId });
      });
      expect(await docker.containers()).toEqual([]);
    });

    test('knows nothing while it is away, and says so when it is back', async () => {
      await world.stop();
      expect(await docker.network(networkId)).toBeUndefined();
      expect(await docker.networks()).toBeUndefined();
      expect(await docker.containers()).toBeUndefined();
      expect(await docker.containerByName('web.2')).toBeUndefined();
      await world.start();
      await eventually(() => expect(connections()).toBe(2), 20_000);
      expect(await docker.network(networkId)).toMatchObject({ name: 'net.one' });
    }, 60_000);

    test('tells that a network is gone', async () => {
      await world.removeNetwork('net.one');
      await eventually(() => expect(events).toContainEqual({ kind: 'networkRemoved', networkId }));
      expect(await docker.network(networkId)).toBe('absent');
      expect((await docker.networks())?.some(({ id }) => id === networkId)).toBe(false);
    });

    test('tells nothing more once it is not listened to', async () => {
      following.close();
      const before = events.length;
      await world.createNetwork('net.two');
      await world.removeNetwork('net.two');
      expect(events).toHaveLength(before);
    });
  });
}
