import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EtcdOnHost } from '../e2e/etcd-on-host.js';
import { SWARM_IMAGE, SWARM_TOOLS } from '../e2e/swarm-lab.js';
import { expectPageToHold } from '../e2e/tutorial-run.js';
import { wholeKernel } from '../e2e/whole-kernel.js';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { servePlugin } from '../lab/plugin-registry.js';
import { TEST_IMAGE } from '../lab/test-image.js';

// build/test/long/ -> the project
const PAGE = fileURLToPath(new URL('../../../docs/first-day.md', import.meta.url));
const TIMEOUT_MS = 180_000;

describeInLab(
  'a first day with the plugin, as docs/first-day.md says',
  () => {
    let lab: Lab;
    let before: readonly string[];
    beforeAll(async () => {
      lab = await Lab.up();
      const { host } = lab;
      // The page puts a link into /usr/local/bin.
      const ownUsr = '/run/lab/usr';
      const layers = `lowerdir=/usr,upperdir=${ownUsr}/upper,workdir=${ownUsr}/work`;
      await host.run(
        'sh',
        '-ec',
        `mkdir -p ${ownUsr}/upper ${ownUsr}/work; mount -t overlay overlay -o ${layers} /usr`,
      );
      await servePlugin(host);
      await EtcdOnHost.start(host);
      await host.docker('tag', TEST_IMAGE, 'busybox');
      await host.docker('tag', TEST_IMAGE, SWARM_IMAGE);
      before = await wholeKernel(host);
    }, TIMEOUT_MS);
    afterAll(() => lab?.down(), TIMEOUT_MS);

    test(
      'prints what the page says, step by step',
      () =>
        expectPageToHold(PAGE, async ({ command }) => {
          const { stdout } = await lab.host.try(['bash', '-c', `exec 2>&1; ${command}`]);
          return stdout.trimEnd();
        }),
      TIMEOUT_MS,
    );

    test(
      'and leaves nothing of ours in the kernel',
      async () => {
        const after = await wholeKernel(lab.host);
        expect(after.filter((line) => !before.includes(line)).filter((line) => line.includes('cord'))).toEqual([]);
      },
      TIMEOUT_MS,
    );
  },
  SWARM_TOOLS,
);
