import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { BootedHost } from '../lab/booted-host.js';
import { describeInLab } from '../lab/needs.js';
import { addTestImage, TEST_IMAGE } from '../lab/test-image.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const TIMEOUT_MS = 300_000;
/** Changes to the unit that a test makes; they go when it is over. */
const DROP_IN = '/etc/systemd/system/corduroy.service.d/test.conf';

describeInLab('a Debian that boots with the package installed', () => {
  let host: BootedHost;
  const tell = (line: string) => process.stderr.write(`${line}\n`);

  beforeAll(async () => {
    host = await BootedHost.make();
    const { stdout } = await execa(`${PROJECT}packaging/deb.sh`, [`${PROJECT}build`]);
    const file = stdout.trim().split('\n').at(-1) ?? '';
    await mkdir(host.disk('root'), { recursive: true });
    await execa('cp', [file, host.disk('root/')]);
    tell(`first boot: ${(await host.boot()).toFixed(1)} s`);
    await addTestImage(host);
    await host.say(`apt-get install -y /root/${basename(file)}`);
    await host.say('docker network create -d corduroy --ipam-driver corduroy web');
    await host.say('docker network create -d corduroy --ipam-driver corduroy strangers');
    await host.say(`docker run -d --name server --net web --restart always ${TEST_IMAGE}`);
    await host.say(`docker run -d --name friend --net web --restart always ${TEST_IMAGE}`);
    await host.say(`docker run -d --name stranger --net strangers --restart always ${TEST_IMAGE}`);
  }, TIMEOUT_MS);
  afterAll(() => host?.down(), TIMEOUT_MS);
  afterEach(async () => {
    await host.try(['rm', '-f', DROP_IN]);
  });

  const active = async (unit: string) => (await host.try(['systemctl', 'is-active', unit])).stdout;
  const isReady = async () => /^Ready: +yes$/m.test((await host.try(['corduroy', 'status'])).stdout);
  const pings = async (from: string, to: string) =>
    (await host.try(['docker', 'exec', from, 'ping', '-c', '1', '-W', '1', to])).exitCode === 0;
  const address = (name: string) =>
    host.say(`docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' ${name}`);

  /** Containers are back on their networks, names and policy included. */
  async function expectAllBack(): Promise<void> {
    await host.until(() => pings('friend', 'server'));
    expect(await pings('stranger', await address('server'))).toBe(false);
    expect([await active('docker.service'), await active('corduroy.service')]).toEqual(['active', 'active']);
    await host.until(isReady);
  }

  async function expectBootedWell(): Promise<void> {
    await expectAllBack();
    const journal = await host.say('journalctl -b -u docker.service --no-pager');
    expect(journal).not.toMatch(/Unable to (locate|connect to) plugin/);
  }

  async function dropIn(...lines: readonly string[]): Promise<void> {
    await host.say(
      `mkdir -p ${dirname(DROP_IN)}; printf '%s\\n' '[Service]' "$@" >${DROP_IN}`.replace(
        '"$@"',
        lines.map((l) => `'${l}'`).join(' '),
      ),
    );
    await host.say('systemctl daemon-reload');
  }

  test(
    'installed, it runs and answers Docker',
    async () => {
      await expectAllBack();
      expect(await host.say('systemctl is-enabled corduroy.socket corduroy.service')).toBe('enabled\nenabled');
    },
    TIMEOUT_MS,
  );

  test(
    'rebooted, containers are back with their network and policy',
    async () => {
      tell(`reboot: ${(await host.reboot()).toFixed(1)} s`);
      await expectBootedWell();
      tell(await host.say('systemd-analyze critical-chain docker.service --no-pager || true'));
    },
    TIMEOUT_MS,
  );

  test(
    'after a power failure, too',
    async () => {
      await host.cutPower();
      tell(`after a power failure: ${(await host.boot()).toFixed(1)} s`);
      await expectBootedWell();
    },
    TIMEOUT_MS,
  );

  test(
    'a daemon that starts late holds up Docker no longer than that',
    async () => {
      await dropIn('ExecStartPre=/bin/sleep 20');
      tell(`with a daemon 20 s late: ${(await host.reboot()).toFixed(1)} s`);
      await expectBootedWell();
    },
    TIMEOUT_MS,
  );

  /** While no daemon can work: Docker runs, and says why the network cannot be had. Then all is put right. */
  async function expectDockerRunsWithoutUs(what: string, says: RegExp, putRight: string): Promise<void> {
    tell(`with ${what}: ${(await host.reboot()).toFixed(1)} s`);
    expect(await active('docker.service')).toBe('active');
    await host.say(`docker run --rm --net none ${TEST_IMAGE} true`);
    const begun = performance.now();
    const refused = await host.try(['docker', 'run', '--rm', '--net', 'web', TEST_IMAGE, 'true']);
    tell(`docker run, after ${((performance.now() - begun) / 1000).toFixed(1)} s: ${refused.stderr}`);
    expect(refused.stderr).toMatch(says);
    await host.say(`${putRight}; systemctl reset-failed corduroy.service corduroy.socket`);
    await host.say('systemctl restart corduroy.socket corduroy.service');
    await host.until(isReady);
    await host.say('docker start server friend stranger');
    await host.until(() => pings('friend', 'server'));
  }
  const SETTINGS = '/etc/corduroy/corduroy.yaml';

  test.each([
    ['settings that the daemon refuses', 'mtu: many', /daemon could not start: .*mtu/],
    ['a store that cannot be opened', 'dataDir: /proc/none', /daemon could not start: the datastore in \/proc\/none/],
  ])(
    'with %s, Docker starts at once and tells the reason',
    async (what, setting, says) => {
      await host.say(`cp ${SETTINGS} /root/; echo '${setting}' >>${SETTINGS}`);
      await expectDockerRunsWithoutUs(what, says, `cp /root/corduroy.yaml ${SETTINGS}`);
    },
    TIMEOUT_MS,
  );

  test(
    'with an etcd that does not answer, too',
    async () => {
      const etcd = `printf '%s\\n' 'datastore: etcd' 'etcd: {endpoints: "http://10.99.0.99:2379"}' >>${SETTINGS}`;
      await host.say(`cp ${SETTINGS} /root/; ${etcd}`);
      await expectDockerRunsWithoutUs('etcd away', /10.99.0.99:2379/, `cp /root/corduroy.yaml ${SETTINGS}`);
    },
    TIMEOUT_MS,
  );

  test(
    'with a program that ends at once, systemd gives up its socket and Docker starts',
    async () => {
      await dropIn('ExecStart=', 'ExecStart=/bin/false');
      const putRight = `rm ${DROP_IN}; systemctl daemon-reload`;
      await expectDockerRunsWithoutUs('a program that ends at once', /plugin "corduroy" not found/, putRight);
    },
    TIMEOUT_MS,
  );

  test(
    'a daemon that hangs before it listens is ended, and holds up Docker no longer than that',
    async () => {
      // The first one of a boot.
      await dropIn(
        'ExecStart=',
        'ExecStart=/bin/sh -c "mkdir /run/hangs && exec sleep 1000; exec /usr/bin/corduroy daemon"',
      );
      tell(`with a daemon that hangs once: ${(await host.reboot()).toFixed(1)} s`);
      await expectAllBack();
      expect(await host.say('systemctl show -P NRestarts corduroy.service')).toBe('1');
    },
    TIMEOUT_MS,
  );

  test(
    'one that always hangs is given up, with its socket',
    async () => {
      await dropIn('ExecStart=', 'ExecStart=/bin/sleep 1000');
      const putRight = `rm ${DROP_IN}; systemctl daemon-reload`;
      await expectDockerRunsWithoutUs('a daemon that always hangs', /plugin "corduroy" not found/, putRight);
    },
    2 * TIMEOUT_MS,
  );

  test(
    'one that stands still later is replaced, and what Docker asked meanwhile is answered',
    async () => {
      const pid = await host.say('systemctl show -P MainPID corduroy.service');
      await host.say(`kill -STOP ${pid}`);
      const begun = performance.now();
      const ping = `docker run --rm --net web ${TEST_IMAGE} ping -c 1 -W 2 server`;
      const { stderr } = await host.try(['bash', '-ec', ping]);
      const seconds = (performance.now() - begun) / 1000;
      tell(`docker run with a daemon that stands still, after ${seconds.toFixed(1)} s: ${stderr}`);
      expect(seconds).toBeLessThan(40);
      await host.say(ping);
      expect(await host.say('systemctl show -P MainPID corduroy.service')).not.toBe(pid);
    },
    TIMEOUT_MS,
  );

  test(
    'the package made newer and removed: containers notice nothing, and nothing of ours is left',
    async () => {
      const started = "docker inspect -f '{{.State.StartedAt}}' server friend stranger";
      const before = await host.say(started);
      await host.say('dpkg -i /root/corduroy_*.deb');
      await expectAllBack();
      expect(await host.say(started)).toBe(before);
      await host.say('docker rm -f server friend stranger; docker network rm web strangers');
      await host.say('apt-get remove -y corduroy');
      expect(await host.say('iptables-save; ip6tables-save; ipset save; ip link; ip route')).not.toContain('cord');
      expect(await active('corduroy.socket')).toBe('inactive');
      // Installed again it is as before.
      await host.say('dpkg -i /root/corduroy_*.deb');
      await host.until(isReady);
    },
    TIMEOUT_MS,
  );
}, ['mmdebstrap', 'setpriv', 'dpkg-deb']);
