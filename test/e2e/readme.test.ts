import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { describeInLab } from '../lab/needs.js';
import { TEST_IMAGE } from '../lab/test-image.js';
import { E2E_TIMEOUT_MS, useCorduroy } from './corduroy-host.js';

// build/test/e2e/ -> the project
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The code blocks of the README, in order. */
const blocks = Array.from(readFileSync(`${ROOT}/README.md`, 'utf8').matchAll(/```sh\n(.*?)```/gs), ([, block = '']) =>
  block.trim().split('\n'),
);

describeInLab("the README's first lines", () => {
  const corduroy = useCorduroy();

  test(
    'give a container a network, a policy, and a proof that the policy holds',
    async () => {
      const [commands, lines = []] = blocks;
      expect(commands?.map((line) => line.split(/ {2,}#/)[0]?.trim())).toEqual(['make run', 'make test']);
      expect(lines).toHaveLength(5);
      const { host } = corduroy();
      await host.docker('tag', TEST_IMAGE, 'busybox');
      const printed: string[] = [];
      for (const line of lines) {
        const { stdout, stderr, exitCode } = await host.try(['bash', '-c', `cd ${ROOT} && ${line}`]);
        expect(`${exitCode} ${stderr}`).toMatch(/^0/);
        printed.push(stdout.trim());
      }
      const [, , added, denied, allowed] = printed;
      expect(added).toBe('added inbound rule 1 of profile web: deny icmp');
      expect(denied).toMatch(/100% packet loss.*denied, as the rule says$/s);
      expect(allowed).toMatch(/^removed inbound rule 1 of profile web: deny icmp.* 0% packet loss/s);
      await host.docker('rm', '-f', 'server');
      await host.docker('network', 'rm', 'web');
    },
    E2E_TIMEOUT_MS,
  );
});
