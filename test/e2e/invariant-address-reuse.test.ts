import { expect, test } from '@jest/globals';
import { adminCall } from '../lab/admin-call.js';
import type { Container } from '../lab/container.js';
import { describeInLab } from '../lab/needs.js';
import { type CorduroyLab, E2E_TIMEOUT_MS, eventually, useCorduroy } from './corduroy-host.js';

const PORT = '7801';

/** IPv4 packets that the container's kernel has received since it was made. */
async function receivedBy(container: Container): Promise<number> {
  const [names = '', values = ''] = (await container.run('grep', '^Ip:', '/proc/self/net/snmp')).split('\n');
  return Number(values.split(' ')[names.split(' ').indexOf('InReceives')]);
}

/** Two profiles: `open` to everybody, `shut` to and from everybody. */
async function makeProfiles(lab: CorduroyLab): Promise<void> {
  await lab.host.tryCord('profile', 'add', 'open');
  await lab.host.tryCord('profile', 'add', 'shut');
  await adminCall(lab.host, 'PUT', '/profiles/open/rules', { inbound: ['allow'], outbound: ['allow'] });
  await adminCall(lab.host, 'PUT', '/profiles/shut/rules', { inbound: [], outbound: [] });
}

const startWith = async (lab: CorduroyLab, name: string, network: string, profile: string, ...flags: string[]) => {
  const attachment = `name=${network},driver-opt=corduroy.profiles=${profile}${flags.map((flag) => `,${flag}`).join('')}`;
  await lab.host.docker('run', '-d', '--name', name, '--network', attachment, 'lab:1');
  return lab.host.container(name);
};

describeInLab('an address that gets a new owner', () => {
  const corduroy = useCorduroy();

  test(
    "hears nothing of its former owner's peers, by UDP or TCP, however the peers go on sending",
    async () => {
      const lab = corduroy();
      await makeProfiles(lab);
      const subnet = ['--subnet', '10.71.0.0/26', '-o', 'nat-outgoing=false'];
      await lab.network('reuse', ...subnet);
      await lab.network('peers');
      const peer = await startWith(lab, 'peer', 'peers', 'open');
      await lab.outside.addRoute('10.71.0.0/26', 0);
      const former = await startWith(lab, 'former', 'reuse', 'open', 'ip=10.71.0.9');
      const counter = await former.probe('echo', PORT);
      await former.serve(80);
      const senders = [
        await peer.probe('send', '10.71.0.9', PORT, '200'),
        await lab.outside.probe('send', '10.71.0.9', PORT, '200'),
      ];
      // TCP from both sides: a line every 100 ms for as long as the connection stands.
      const talk = `while echo x; do sleep 0.1; done | busybox nc -w 60 10.71.0.9 80 >/dev/null`;
      void peer.try('sh', '-c', talk);
      void lab.outside.try('sh', '-c', talk);
      await eventually(
        () => lab.host.run('sh', '-c', 'conntrack -L 2>/dev/null | grep -c 10.71.0.9 || true'),
        (flows) => Number(flows) >= 4,
      );
      await eventually(
        () => counter.report(),
        ({ received }) => received > 50,
      );

      await lab.remove('former');
      const owner = await startWith(lab, 'owner', 'reuse', 'shut', 'ip=10.71.0.9');
      expect(await owner.address('reuse')).toBe('10.71.0.9');
      const { sent } = (await senders[0]?.report()) ?? { sent: 0 };
      await eventually(
        async () => (await senders[0]?.report())?.sent ?? 0,
        (now) => now > sent + 200,
      );
      expect(await receivedBy(owner)).toBe(0);
      expect(await lab.host.run('sh', '-c', 'conntrack -L 2>/dev/null | grep -c 10.71.0.9 || true')).toBe('0');

      // The same with one that may be reached: then it is heard, so the senders were heard all along.
      await lab.remove('owner');
      const third = await startWith(lab, 'third', 'reuse', 'open', 'ip=10.71.0.9');
      await eventually(
        () => receivedBy(third),
        (received) => received > 20,
      );
      for (const probe of senders) await probe.stop();
      await lab.remove('third', 'peer');
      await lab.removeNetworks('reuse', 'peers');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'rests first: as long as another is free, none is given twice within its cool-down',
    async () => {
      const lab = corduroy();
      await lab.network('restful', '--subnet', '10.72.0.0/28');
      const given: string[] = [];
      for (let n = 0; n < 8; n++) {
        const container = await lab.start(`restful-${n}`, 'restful');
        given.push(await container.address('restful'));
        await lab.remove(`restful-${n}`);
      }
      expect(new Set(given).size).toBe(given.length);
      await lab.removeNetworks('restful');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'that is the last one is given again at once, each time to one who hears nothing of before',
    async () => {
      const lab = corduroy();
      await makeProfiles(lab);
      // Two addresses, one of which is held for good.
      await lab.network('tiny', '--subnet', '10.73.0.0/30');
      await lab.start('tiny-holder', 'tiny');
      await lab.network('tiny-peers');
      const peer = await startWith(lab, 'tiny-peer', 'tiny-peers', 'open');
      const first = await startWith(lab, 'tiny-0', 'tiny', 'open');
      const address = await first.address('tiny');
      const sender = await peer.probe('send', address, PORT, '200');
      const addresses = [address];
      const counts: number[] = [];

      const another = await lab.refusal('run', '-d', '--net', 'tiny', 'lab:1');
      expect(another).toMatch(/10\.73\.0\.0\/30/);
      expect(another).toMatch(/of 4, 2 are assigned/);
      process.stderr.write(`exhaustion reads: ${another.trim().split('\n').join(' ')}\n`);

      for (let n = 1; n <= 8; n++) {
        await lab.remove(`tiny-${n - 1}`);
        const owner = await startWith(lab, `tiny-${n}`, 'tiny', n % 2 === 1 ? 'shut' : 'open');
        addresses.push(await owner.address('tiny'));
        if (n % 2 === 1) {
          await new Promise((resolve) => setTimeout(resolve, 300));
          counts.push(await receivedBy(owner));
        } else {
          await eventually(
            () => receivedBy(owner),
            (received) => received > 5,
          );
        }
      }
      expect(new Set(addresses)).toEqual(new Set([address]));
      expect(counts).toEqual([0, 0, 0, 0]);
      await sender.stop();
      await lab.remove('tiny-8', 'tiny-holder', 'tiny-peer', ...(await leftovers(lab)));
      await lab.removeNetworks('tiny', 'tiny-peers');
    },
    E2E_TIMEOUT_MS,
  );
});

/** A refused `docker run` leaves a container that was created. */
const leftovers = async (lab: CorduroyLab): Promise<readonly string[]> =>
  (await lab.host.docker('ps', '-aq', '--filter', 'status=created')).split('\n').filter((id) => id !== '');
