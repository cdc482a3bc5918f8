import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { E2E_TIMEOUT_MS } from './corduroy-host.js';
import { unixHttp } from './unix-http.js';

const DAEMON = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const PLUGIN_SOCKET = '/run/docker/plugins/corduroy.sock';
/** An engine that boots listens early, and answers only when its plugins are there. */
const BOOTING_ENGINE = `require('net').createServer(() => {}).listen('/run/docker.sock', () => console.log('ready'))`;
/** Nobody has this address: what is sent there is not even refused. */
const ETCD_AWAY = 'http://10.99.0.250:2379';

describeInLab('a host that boots', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.up({ engines: false });
    await lab.host.startBeside([process.execPath, '-e', BOOTING_ENGINE]);
  }, E2E_TIMEOUT_MS);
  afterAll(() => lab?.down(), E2E_TIMEOUT_MS);

  test(
    "has the plugin's socket before engine and etcd answer, and the plugin answers the engine without them",
    async () => {
      const { host } = lab;
      const flags = ['--datastore', 'etcd', '--etcd-endpoints', ETCD_AWAY, '--node-ip', lab.addressOf(host)];
      const daemon = host.start('corduroy', [process.execPath, DAEMON, 'daemon', ...flags]);
      await daemon.waitUntil(() => accepts(host.path(PLUGIN_SOCKET)), 15_000);
      const activated = unixHttp(host.path(PLUGIN_SOCKET), 'POST', '/Plugin.Activate', {});
      expect(daemon.log()).not.toContain(ETCD_AWAY);
      expect((await activated).body).toEqual({ Implements: ['NetworkDriver', 'IpamDriver'] });
      expect(daemon.log()).toContain(ETCD_AWAY);
      expect(daemon.log()).not.toContain('"level":"warn"');
    },
    E2E_TIMEOUT_MS,
  );
});

const accepts = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
