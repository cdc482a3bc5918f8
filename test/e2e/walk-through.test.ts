import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EtcdCluster } from '../lab/etcd-cluster.js';
import type { LabHost } from '../lab/host.js';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { TEST_IMAGE } from '../lab/test-image.js';
import { CLUSTER_TOOLS } from './corduroy-cluster.js';
import { E2E_TIMEOUT_MS } from './corduroy-host.js';
import { type Step, stepsOf } from './tutorial.js';
import { expectPageToHold } from './tutorial-run.js';

// build/test/e2e/ -> the project
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PAGE = `${ROOT}/docs/walk-through.md`;

const DAEMON = /^corduroy daemon (.*) &$/;
const CREATE = 'docker network create ';
/** Newer engines take no address for a gateway unless it is named, and the first block is another one then. */
const NAMED_GATEWAY = '--subnet 192.168.0.0/24 --gateway 192.168.0.1 ';
const FIRST_WITHOUT_GATEWAY = 28;

/** What is read of an app definition of Marathon's. */
interface App {
  readonly id: string;
  readonly instances: number;
  readonly cmd: string;
  readonly container: {
    readonly docker: {
      readonly image: string;
      readonly parameters: readonly { readonly key: string; readonly value: string }[];
    };
  };
}

describeInLab(
  'the walk-through: two hosts, two pools, one network, a profile, and an app of two instances',
  () => {
    let lab: Lab;
    let etcd: EtcdCluster;
    let create = CREATE;
    beforeAll(async () => {
      lab = await Lab.up({ hosts: 2 });
      etcd = await EtcdCluster.start(lab.outside);
      for (const host of lab.hosts) await host.docker('tag', TEST_IMAGE, 'busybox');
      const version = Number.parseInt(await lab.host.docker('version', '-f', '{{.Server.Version}}'), 10);
      if (version >= FIRST_WITHOUT_GATEWAY) create += NAMED_GATEWAY;
    }, E2E_TIMEOUT_MS);
    afterAll(async () => {
      await lab.down();
      await etcd.destroy();
    });

    /** What the step prints; both streams, as a terminal shows them. */
    async function run({ host: name, command }: Step): Promise<string> {
      const host = lab.hosts.find((one) => one.name === name);
      if (host === undefined) throw new Error(`the page names a host ${name}: the lab has none of that name`);
      const [, daemon] = DAEMON.exec(command) ?? [];
      if (daemon !== undefined) return startDaemon(host, daemon.split(' '));
      const shell = ['bash', '-c', `PATH=${ROOT}/build:$PATH; exec 2>&1; ${command.replace(CREATE, create)}`];
      return (await host.try(shell)).stdout.trimEnd();
    }

    async function startDaemon(host: LabHost, words: readonly string[]): Promise<string> {
      await host.startCorduroy({ arguments: words });
      return '';
    }

    test('the app definition and the commands on the agents say the same', () => {
      const page = readFileSync(PAGE, 'utf8');
      const app = JSON.parse(/^```json\n(.*?)^```$/ms.exec(page)?.[1] ?? '') as App;
      const { image, parameters } = app.container.docker;
      const flags = parameters.map(({ key, value }) => `--${key}=${value}`).join(' ');
      const commands = stepsOf(page).filter(({ command }) => command.includes(`--name ${app.id}-`));
      expect(commands.map(({ command }) => command)).toEqual(
        Array.from({ length: app.instances }, (_, index) => {
          const name = `${app.id}-${index + 1}`;
          return `docker run -d --name ${name} --hostname ${name} ${flags} ${image} sh -c '${app.cmd}' >/dev/null`;
        }),
      );
      expect(new Set(commands.map(({ host }) => host)).size).toBe(app.instances);
    });

    test('the page shows what it claims: who is reached, and who is not', () => {
      const asked = stepsOf(readFileSync(PAGE, 'utf8')).filter(({ command }) => / (nc|ping) /.test(command));
      const answers = asked.filter(({ command }) => command.startsWith('docker exec')).map(({ output }) => output);
      expect(answers).toEqual([
        'web-2',
        'web-1',
        expect.stringContaining(' 100% packet loss'),
        expect.stringContaining(' 0% packet loss'),
      ]);
    });

    test('prints what the page says, step by step', () => expectPageToHold(PAGE, run), 3 * E2E_TIMEOUT_MS);
  },
  CLUSTER_TOOLS,
);
