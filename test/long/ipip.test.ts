import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { missingFor } from '../lab/needs.js';
import { startIn, TestNamespace } from '../netns/test-namespace.js';
import { findVmKernel } from '../vm/vm-kernel.js';
import { WHOLE_MACHINE_MODULES, WholeMachine } from '../vm/whole-machine.js';

const TIMEOUT_MS = 600_000;
const NODE = process.execPath;
const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const ETCD = 'http://10.1.0.254:2379';
const NAMES = ['h1', 'h2'] as const;
const POOL = '10.64.0.0/12';

const missing = missingFor(['dockerd', 'docker', 'etcd', 'busybox', 'iptables', 'ipset', 'conntrack']);
const kernel =
  missing.length > 0
    ? `this machine lacks ${missing.join(', ')}`
    : findVmKernel([...WHOLE_MACHINE_MODULES, 'net/ipv4/ipip.ko']);
if (typeof kernel === 'string') process.stderr.write(`SKIPPED IPIP by whole daemons: ${kernel}\n`);

/** Engine, daemon and containers on a kernel that has IPIP, which this machine's need not have. */
(typeof kernel === 'string' ? describe.skip : describe)(
  'IPIP between two emulated machines with engine and daemon',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'corduroy-ipip-'));
    const machines: WholeMachine[] = [];
    let namespace: TestNamespace;
    let etcd: ReturnType<typeof startIn> | undefined;
    const tell = (line: string) => process.stderr.write(`${line}\n`);
    const machine = (index: number): WholeMachine => {
      const found = machines[index];
      if (found === undefined) throw new Error(`machine ${index + 1} has not booted`);
      return found;
    };
    const cord = (index: number, words: string) => machine(index).run(`${NODE} ${PROGRAM} ${words}`);
    /** One ping answered, by the host itself or by its container. */
    const pings = (index: number, address: string, container?: string) =>
      machine(index)
        .run(
          `${container === undefined ? '' : `nsenter -n -t $(docker inspect -f '{{.State.Pid}}' ${container}) `}busybox ping -c 1 -W 2 ${address}`,
        )
        .then(
          () => true,
          () => false,
        );
    const addressOf = async (index: number, container: string) =>
      (
        await machine(index).run(
          `docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' ${container}`,
        )
      ).trim();

    beforeAll(async () => {
      if (typeof kernel === 'string') throw new Error(kernel);
      const begun = performance.now();
      const told = (what: string) => tell(`${what} after ${((performance.now() - begun) / 1_000).toFixed(0)} s`);
      namespace = await TestNamespace.create('ipip');
      await namespace.ip('link add wire type bridge');
      await namespace.ip('address add 10.1.0.254/24 dev wire');
      await namespace.ip('link set wire up');
      const urls = ['--listen-client-urls', ETCD, '--advertise-client-urls', ETCD];
      etcd = startIn(namespace, 'etcd', '--data-dir', folder, '--unsafe-no-fsync', ...urls);
      for (const name of NAMES) {
        await namespace.ip(`tuntap add ${name} mode tap`);
        await namespace.ip(`link set ${name} master wire up`);
      }
      machines.push(
        ...(await Promise.all(
          NAMES.map((name, index) =>
            WholeMachine.start(namespace, { kernel, name, address: `10.1.0.${index + 1}/24`, tap: name }),
          ),
        )),
      );
      told('booted');
      await Promise.all(machines.map((one, index) => startAll(one, `10.1.0.${index + 1}`)));
      told('engines and daemons ready');
    }, TIMEOUT_MS);
    afterAll(async () => {
      await Promise.all(machines.map((one) => one.end()));
      etcd?.kill();
      await etcd?.ended;
      await namespace?.dispose();
      rmSync(folder, { recursive: true, force: true });
    });

    /** Everything here takes ten times as long as on a machine: so does a call of Docker's. */
    async function startAll(one: WholeMachine, address: string): Promise<void> {
      const flags = `--datastore etcd --etcd-endpoints ${ETCD} --node-name ${one.name} --node-ip ${address} --route-distribution direct --deadline-ms 25000`;
      await one.run(`${NODE} ${PROGRAM} daemon ${flags} >/run/corduroy.log 2>&1 </dev/null &`);
      await one.until('its daemon is ready', async () =>
        (await one.run('cat /run/corduroy.log')).includes('"msg":"ready"'),
      );
      await one.run('dockerd >/run/dockerd.log 2>&1 </dev/null &');
      await one.until('its engine answers', () =>
        one.run('docker version').then(
          () => true,
          () => false,
        ),
      );
      await one.run(
        `mkdir -p /run/image/bin && cp "$(command -v busybox)" /run/image/bin/ && tar -c -C /run/image . | docker import -c 'CMD ["busybox","sleep","1000000"]' - lab:1`,
      );
    }

    test(
      'the daemons make the tunnel, containers and hosts reach containers through it, and it goes when it is not wanted',
      async () => {
        await machine(0).run('docker network create -d corduroy --ipam-driver corduroy --subnet 10.70.0.0/24 web');
        await machine(1).until('it has the network too', () =>
          machine(1)
            .run('docker network inspect web')
            .then(
              () => true,
              () => false,
            ),
        );
        await cord(0, `pool set ${POOL} --encap ipip`);
        await Promise.all(
          [0, 1].map((index) => machine(index).run(`docker run -d --net web --name c${index + 1} lab:1`)),
        );
        const two = await addressOf(1, 'c2');
        const routes = () => machine(0).run('ip route show dev ipip.cord');
        await machine(0).until('it routes into the tunnel', async () => / src 10\.70\./.test(await routes()));
        expect(await routes()).toMatch(
          /^10\.70\.0\.\d+\/26 via 10\.1\.0\.2 proto 80 src 10\.70\.0\.\d+ metric 16 onlink/m,
        );
        await machine(0).until('a container reaches another through it', () => pings(0, two, 'c1'));
        const counted = await machine(1).run('ip -s -o link show ipip.cord');
        expect(counted).toMatch(/mtu 1480 .*RX:\D+(\d{2,}) +[1-9]/);

        expect(await pings(0, two)).toBe(false);
        const { tunnelIp } = JSON.parse(await cord(0, 'node show h1 -o json')) as { readonly tunnelIp: string };
        await cord(0, `profile web rule add inbound allow from ${tunnelIp}/32`);
        await machine(0).until('the host itself reaches it, as its profile lets it', () => pings(0, two));
        expect(JSON.parse(await cord(0, 'status -o json'))).toMatchObject({ ready: true, findings: [] });

        await cord(0, `pool set ${POOL} --encap none`);
        await machine(0).until(
          'no tunnel is left',
          async () => !(await machine(0).run('ip link')).includes('ipip.cord'),
        );
        await machine(0).until('containers reach each other without', () => pings(0, two, 'c1'));
      },
      TIMEOUT_MS,
    );
  },
);
