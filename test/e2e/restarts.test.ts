import { expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import type { Probe } from '../lab/probe-process.js';
import { type CorduroyLab, E2E_TIMEOUT_MS, eventually, useCorduroy } from './corduroy-host.js';

interface Streams {
  /** 100 a second from a friend of the server, answered. */
  readonly allowed: Probe;
  /** 100 a second from a stranger to the server. */
  readonly denied: Probe;
  readonly server: Probe;
  readonly strangerAddress: string;
}

async function startStreams(lab: CorduroyLab, name: string): Promise<Streams> {
  await lab.network(name);
  await lab.network(`${name}-strangers`);
  const server = await lab.start(`${name}-server`, name);
  const friend = await lab.start(`${name}-friend`, name);
  const stranger = await lab.start(`${name}-stranger`, `${name}-strangers`);
  const address = await server.address(name);
  return {
    server: await server.probe('echo', '7400'),
    allowed: await friend.probe('send', address, '7400', '100'),
    denied: await stranger.probe('send', address, '7400', '100'),
    strangerAddress: await stranger.address(`${name}-strangers`),
  };
}

/** More packets of both kinds have been sent than when it was asked. */
async function moreSent({ allowed, denied }: Streams, packets: number): Promise<void> {
  for (const stream of [allowed, denied]) {
    const { sent } = await stream.report();
    await eventually(
      () => stream.report(),
      (now) => now.sent >= sent + packets,
    );
  }
}

async function expectNothingLostAndNothingLeaked({ allowed, denied, server, strangerAddress }: Streams): Promise<void> {
  const { sent } = await allowed.report();
  const { received, missing } = await eventually(
    () => allowed.report(),
    (now) => now.received >= sent,
    2_000,
  ).catch(() => allowed.report());
  expect({ missing, lost: Math.max(0, sent - received) }).toEqual({ missing: [], lost: 0 });
  expect((await denied.report()).received).toBe(0);
  const atServer = await server.report();
  expect(Object.keys(atServer.sources)).not.toContain(strangerAddress);
}

async function expectLifeGoesOn(lab: CorduroyLab, name: string): Promise<void> {
  await lab.host.docker('stop', '-t', '1', `${name}-friend`);
  await lab.host.docker('start', `${name}-friend`);
  await lab.host.docker('exec', `${name}-friend`, 'ping', '-c', '1', '-W', '2', `${name}-server`);
  await lab.remove(`${name}-server`, `${name}-friend`, `${name}-stranger`);
  await lab.removeNetworks(name, `${name}-strangers`);
}

describeInLab('restarts under traffic', () => {
  const corduroy = useCorduroy();

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'the daemon by %s: no packet lost, none let through',
    async (signal) => {
      const lab = corduroy();
      const name = `again-${signal.toLowerCase()}`;
      const streams = await startStreams(lab, name);
      await moreSent(streams, 30);
      await lab.host.stopCorduroy(signal);
      await moreSent(streams, 50);
      await lab.host.startCorduroy();
      await moreSent(streams, 50);
      await expectNothingLostAndNothingLeaked(streams);
      await expectLifeGoesOn(lab, name);
    },
    E2E_TIMEOUT_MS,
  );

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'the engine with live-restore by %s: the same',
    async (signal) => {
      const lab = corduroy();
      const name = `live-${signal.toLowerCase()}`;
      const settings = { 'live-restore': true };
      await lab.host.stopDockerd();
      await lab.host.startDockerd({ settings });
      const streams = await startStreams(lab, name);
      await moreSent(streams, 30);
      await lab.host.stopDockerd(signal);
      await moreSent(streams, 50);
      await lab.host.startDockerd({ settings });
      await moreSent(streams, 50);
      await expectNothingLostAndNothingLeaked(streams);
      await expectLifeGoesOn(lab, name);
    },
    E2E_TIMEOUT_MS,
  );

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'the engine without live-restore by %s: containers start again',
    async (signal) => {
      const lab = corduroy();
      const name = `dead-${signal.toLowerCase()}`;
      await lab.host.stopDockerd();
      await lab.host.startDockerd();
      await lab.network(name);
      await lab.start(`${name}-1`, name, '--restart', 'always');
      await lab.start(`${name}-2`, name);
      await lab.host.stopDockerd(signal);
      await lab.host.startDockerd();
      await lab.host.docker('start', `${name}-2`);
      await lab.host.docker('exec', `${name}-2`, 'ping', '-c', '1', '-W', '2', `${name}-1`);
      await lab.remove(`${name}-1`, `${name}-2`);
      await lab.removeNetworks(name);
      await eventually(
        () => lab.host.run('sh', '-c', 'ip -o link | grep -c cord || true'),
        (count) => count === '0',
      );
    },
    E2E_TIMEOUT_MS,
  );
});
