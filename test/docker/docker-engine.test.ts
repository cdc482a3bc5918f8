import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { DockerEvent } from '../../src/effects/docker.js';
import { silentLogger } from '../../src/effects/logger.js';
import { DockerEngine } from '../../src/infrastructure/docker/docker-engine.js';
import { systemClock } from '../../src/infrastructure/system-clock.js';
import { parseDockerNetworkId } from '../../src/model/ids.js';
import { describeDocker, type EngineWorld } from '../contracts/docker-contract.js';
import { eventually } from '../contracts/eventually.js';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { TEST_IMAGE } from '../lab/test-image.js';

describeInLab('a real engine of its own', () => {
  describeDocker('the engine', async (): Promise<EngineWorld> => {
    const lab = await Lab.up();
    const { host } = lab;
    const socketPath = host.path('/run/docker.sock');
    // Docker's bridge stands for our driver here: the API says the same of both.
    const docker = new DockerEngine({ socketPath, plugin: 'bridge', clock: systemClock, log: silentLogger });
    return {
      docker,
      driver: 'bridge',
      createNetwork: (name) =>
        host.docker('network', 'create', '--subnet', '10.77.0.0/24', '--gateway', '10.77.0.1', '--label', 'k=v', name),
      removeNetwork: async (name) => void (await host.docker('network', 'rm', name)),
      run: (name, network) =>
        host.docker('run', '-d', '--name', name, '--net', network, '--label', 'tier=back', TEST_IMAGE),
      runInVain: (name, network) =>
        host.docker(
          ...['run', '-d', '--name', name, '--net', network],
          ...['-p', '80', '--link-local-ip', '169.254.7.7', TEST_IMAGE],
        ),
      rename: async (from, to) => void (await host.docker('rename', from, to)),
      removeContainer: async (name) => void (await host.docker('rm', '-f', name)),
      stop: () => host.stopDockerd('SIGTERM'),
      start: () => host.startDockerd(),
      close: () => lab.down(),
    };
  });
});

describe('an engine that is not there', () => {
  test('is asked in vain without a failure, and is warned of once', async () => {
    const warnings: string[] = [];
    const log = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) };
    const docker = new DockerEngine({
      socketPath: '/nonexistent/docker.sock',
      plugin: 'corduroy',
      clock: systemClock,
      log,
    });
    const events: DockerEvent[] = [];
    const following = docker.events((event) => events.push(event));
    expect(await docker.networks()).toBeUndefined();
    expect(await docker.network(parseDockerNetworkId('a'.repeat(64)))).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 500));
    following.close();
    expect(events).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/Docker does not answer/)]);
  });
});

describe('an engine that accepts and does not answer', () => {
  test('is given up within the deadline, and its connections are closed', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'corduroy-docker-'));
    const socketPath = join(directory, 'docker.sock');
    const connections = new Set<Socket>();
    const server = createServer((socket) => {
      connections.add(socket);
      socket.on('error', () => {}).resume();
      socket.once('close', () => connections.delete(socket));
    }).listen(socketPath);
    await once(server, 'listening');
    const docker = new DockerEngine({ socketPath, plugin: 'corduroy', clock: systemClock, log: silentLogger });
    try {
      const startedAt = Date.now();
      expect(await docker.network(parseDockerNetworkId('a'.repeat(64)))).toBeUndefined();
      expect(await docker.containerByName('web')).toBeUndefined();
      expect(Date.now() - startedAt).toBeLessThan(1_500);
      expect(await docker.containers(AbortSignal.timeout(20))).toBeUndefined();
      await eventually(() => expect(connections.size).toBe(0));
    } finally {
      server.close();
      await rm(directory, { recursive: true });
    }
  });
});
