import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { VERSION } from '../../src/composition/version.js';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import type { Service } from '../lab/service.js';
import { TEST_IMAGE } from '../lab/test-image.js';
import { CorduroyLab, E2E_TIMEOUT_MS } from './corduroy-host.js';

const MAKE_PACKAGE = fileURLToPath(new URL('../../../packaging/deb.sh', import.meta.url));
const HOLDER = fileURLToPath(new URL('../../../test/lab/socket-holder.pl', import.meta.url));
const SOCKET = '/run/docker/plugins/corduroy.sock';

/** What is installed goes into a layer of the host's own. */
const OWN_USR =
  'mkdir -p /run/lab/usr/upper /run/lab/usr/work && ' +
  'mount -t overlay overlay -o lowerdir=/usr,upperdir=/run/lab/usr/upper,workdir=/run/lab/usr/work /usr';

describeInLab('the Debian package, and its socket that is there before the daemon', () => {
  let lab: CorduroyLab;
  let holder: Service;
  beforeAll(async () => {
    lab = new CorduroyLab(await Lab.up({ engines: false }));
    const { host } = lab;
    await host.run('sh', '-ec', OWN_USR);
    const file = (await host.run(MAKE_PACKAGE, '/run/lab')).trim().split('\n').at(-1) ?? '';
    // Node.js may come from elsewhere than a package on the machine that tests.
    await host.run('dpkg', '--force-depends', '-i', file);
  }, 2 * E2E_TIMEOUT_MS);
  afterAll(() => lab?.lab.down(), E2E_TIMEOUT_MS);

  const holdSocket = () => {
    holder = lab.host.start('holder', ['perl', HOLDER, SOCKET, '/usr/bin/corduroy', 'daemon']);
  };
  const daemonPid = async (): Promise<string> => (await lab.host.try(['cat', `${SOCKET}.pid`])).stdout;

  test('the installed command runs, under both names, with its completion and its settings', async () => {
    const { host } = lab;
    expect(await host.run('/usr/bin/corduroy', '--version')).toBe(`corduroy ${VERSION}`);
    expect(await host.run('/usr/bin/cord', 'daemon', '--print-config')).toContain('datastore: embedded  # default');
    const completion = 'source /usr/share/bash-completion/completions/cord; complete -p corduroy cord';
    expect(await host.run('bash', '-ec', completion)).toMatch(/_corduroy corduroy\n.*_corduroy cord$/);
    expect(await host.run('dpkg', '-s', 'corduroy')).toMatch(/^Conffiles:\n \/etc\/corduroy\/corduroy\.yaml /m);
  });

  test('systemd finds nothing to complain of in the units', async () => {
    const units = ['corduroy.service', 'corduroy.socket'].map((unit) => `/usr/lib/systemd/system/${unit}`);
    const { stderr, exitCode } = await lab.host.try(['systemd-analyze', 'verify', '--man=no', ...units]);
    const complaints = stderr.split('\n').filter((line) => line.includes('corduroy'));
    expect({ exitCode, complaints }).toEqual({ exitCode: 0, complaints: [] });
  });

  test(
    "the daemon starts at Docker's first call, which waits for it",
    async () => {
      const { host } = lab;
      holdSocket();
      await host.startDockerd();
      expect(await daemonPid()).toBe('');
      await lab.network('boot');
      expect(await daemonPid()).not.toBe('');
      await host.docker('run', '-d', '--name', 'boot-1', '--net', 'boot', '--restart', 'always', TEST_IMAGE);
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'after a power cut Docker brings networks and containers back, although the daemon starts after it',
    async () => {
      const { host } = lab;
      await host.stopDockerd('SIGKILL');
      await host.run('kill', '-KILL', await daemonPid());
      await holder.stop('SIGKILL');
      await host.run('rm', `${SOCKET}.pid`);
      holdSocket();
      await host.startDockerd();
      expect(await daemonPid()).not.toBe('');
      expect(await host.docker('inspect', '-f', '{{.State.Running}}', 'boot-1')).toBe('true');
      expect(host.dockerdLog(400)).not.toMatch(/Unable to (locate|connect to) plugin/);
      await host.docker('run', '--rm', '--net', 'boot', TEST_IMAGE, 'ping', '-c', '1', '-W', '2', 'boot-1');
    },
    E2E_TIMEOUT_MS,
  );

  test.each(['TERM', 'KILL'])(
    'a container that is started while the daemon is replaced (SIG%s) waits for the new one',
    async (signal) => {
      const { host } = lab;
      const before = await daemonPid();
      await host.run('kill', `-${signal}`, before);
      await host.docker('run', '--rm', '--net', 'boot', TEST_IMAGE, 'ping', '-c', '1', '-W', '2', 'boot-1');
      expect(await daemonPid()).not.toBe(before);
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'removed, it takes its rules along when no container needs them',
    async () => {
      const { host } = lab;
      await lab.remove('boot-1');
      await lab.removeNetworks('boot');
      await holder.stop('SIGTERM');
      await host.run('dpkg', '-r', 'corduroy');
      expect(await host.run('sh', '-c', 'iptables-save; ip6tables-save; ipset save')).not.toContain('cord');
      expect((await host.try(['test', '-e', '/etc/corduroy/corduroy.yaml'])).exitCode).toBe(0);
    },
    E2E_TIMEOUT_MS,
  );
}, ['dpkg-deb', 'perl', 'systemd-analyze']);
