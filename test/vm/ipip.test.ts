import { afterAll, describe, expect, test } from '@jest/globals';
import { diffTunnels, NO_TUNNELS } from '../../routing/tunnel-diff.js';
import type { NetworkCommand } from '../../src/effects/network-stack.js';
import { networkCommandText } from '../../src/infrastructure/linux/network-command-text.js';
import { hostNetwork, RoutesUnderTest } from '../builders/cluster-routes.js';
import { netnsUnavailable, TestNamespace } from '../netns/test-namespace.js';
import { VirtualMachine } from './virtual-machine.js';
import { findVmKernel } from './vm-kernel.js';

/** In the order in which they need each other. */
const MODULES = ['net/ipv4/tunnel4.ko', 'net/ipv4/ip_tunnel.ko', 'net/ipv4/ipip.ko'];
const CARD = 'drivers/net/ethernet/intel/e1000/e1000.ko';
const ADDRESSES = { here: '10.1.0.1', far: '10.1.0.2' } as const;
const CONTAINERS = { here: '10.64.1.1', far: '10.64.2.1' } as const;
const TIMEOUT_MS = 120_000;

const kernel = netnsUnavailable() ?? findVmKernel([...MODULES, CARD]);
if (typeof kernel === 'string') process.stderr.write(`SKIPPED IPIP in two virtual machines: ${kernel}\n`);

type Name = keyof typeof ADDRESSES;

/** What our code tells the kernel of one of the two, as lines for `ip -batch`. */
async function commandsOf(self: Name, peer: Name): Promise<readonly string[]> {
  // The node of the builder is `here`: each of the two is it in turn.
  const host = new RoutesUnderTest('none');
  await host.pool('10.64.0.0/12', { kind: 'ipip', crossSubnet: false });
  await host.node('here', ADDRESSES[self]);
  await host.node('far', ADDRESSES[peer]);
  await host.block(`${CONTAINERS[peer].replace(/1$/, '0')}/26`, 'far');
  await host.start();
  host.routes.moved([hostNetwork('eth0', `${ADDRESSES[self]}/24`)]);
  const { add, put } = diffTunnels(host.routes.tunnels(), NO_TUNNELS);
  const commands: readonly NetworkCommand[] = [
    ...add.flatMap((device) => [{ kind: 'addTunnel', device } as const, { kind: 'setUp', link: device.name } as const]),
    ...put,
    ...[...host.routes.routes()].map((route) => ({ kind: 'putRoute', route }) as const),
  ];
  await host.close();
  return commands.map(networkCommandText);
}

const scriptOf = (self: Name, commands: readonly string[], then: string): string =>
  [
    'ip=/bin/iproute2',
    '$ip link set lo up; $ip link set eth0 up',
    `$ip addr add ${ADDRESSES[self]}/24 dev eth0; $ip addr add ${CONTAINERS[self]}/32 dev lo`,
    `$ip -force -batch - <<'END' || echo REFUSED`,
    ...commands,
    'END',
    then,
  ].join('\n');

(typeof kernel === 'string' ? describe.skip : describe)('IPIP between two machines with a Debian kernel', () => {
  const machines: VirtualMachine[] = [];
  let namespace: TestNamespace | undefined;
  afterAll(async () => {
    await Promise.all(machines.map((machine) => machine.end()));
    await namespace?.dispose();
  });

  test(
    'what our code tells the kernel carries packets between containers of both',
    async () => {
      if (typeof kernel === 'string') throw new Error(kernel);
      namespace = await TestNamespace.create('vm');
      const machine = async (self: Name, peer: Name, wire: string, then: string) => {
        const commands = await commandsOf(self, peer);
        expect(commands).toEqual([
          `link add ipip.cord mtu 1480 type ipip local ${ADDRESSES[self]} ttl 64`,
          'link set dev ipip.cord up',
          `route replace ${CONTAINERS[peer].replace(/1$/, '0')}/26 via ${ADDRESSES[peer]} dev ipip.cord onlink metric 16 proto 80`,
        ]);
        const script = scriptOf(self, commands, then);
        const modules = [...MODULES, CARD];
        machines.push(await VirtualMachine.start(namespace as TestNamespace, { kernel, modules, script, wire }));
      };
      const port = 34_501;
      await machine('far', 'here', `listen=127.0.0.1:${port}`, 'echo READY; /bin/busybox sleep 600');
      const ping = `/bin/busybox ping -c 1 -W 1 -I ${CONTAINERS.here} ${CONTAINERS.far}`;
      const asked = `for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ${ping} && break; done`;
      const told = '$ip -s link show ipip.cord; echo ASKED';
      await machine('here', 'far', `connect=127.0.0.1:${port}`, `${asked}; ${told}`);
      const [far, here] = machines as [VirtualMachine, VirtualMachine];
      const deadline = Date.now() + TIMEOUT_MS - 20_000;
      while (!here.lines.includes('ASKED') && Date.now() < deadline) await new Promise((r) => setTimeout(r, 200));
      const said = [...far.lines, ...here.lines].join('\n');
      expect(said).not.toMatch(/REFUSED|Error/);
      expect(said).toContain('1 packets received');
      expect(said).toMatch(/ipip\.cord@NONE: <NOARP,UP,LOWER_UP> mtu 1480/);
    },
    TIMEOUT_MS,
  );
});
