import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { describeInLab, missingFor } from '../lab/needs.js';
import { TEST_IMAGE } from '../lab/test-image.js';
import { E2E_TIMEOUT_MS, useCorduroy } from './corduroy-host.js';
import { EngineApi } from './engine-api.js';

const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url));
const example = (path: string): Promise<string> => readFile(join(EXAMPLES, path), 'utf8');

interface MarathonApp {
  readonly id: string;
  readonly instances: number;
  readonly container: {
    readonly docker: { readonly image: string; readonly parameters: readonly { key: string; value: string }[] };
  };
}

describeInLab('the examples', () => {
  const corduroy = useCorduroy();

  const missing = missingFor(['docker-compose']);
  if (missing.length > 0)
    process.stderr.write(`SKIPPED the Compose example: this machine lacks ${missing.join(', ')}\n`);
  (missing.length > 0 ? test.skip : test)(
    'Compose makes both networks, a container on both, its fixed address and its published port',
    async () => {
      const { host, outside } = corduroy();
      const compose = (...words: string[]) =>
        host.run(
          'env',
          `IMAGE=${TEST_IMAGE}`,
          'docker-compose',
          '-p',
          'shop',
          '-f',
          join(EXAMPLES, 'compose/docker-compose.yml'),
          ...words,
        );
      await compose('up', '-d');
      // Compose 1 and 2 name containers differently.
      const ofService = async (service: string) =>
        host.docker('ps', '--filter', `label=com.docker.compose.service=${service}`, '--format', '{{.Names}}');
      const [webName, dbName] = await Promise.all([ofService('web'), ofService('db')]);
      const [web, db] = await Promise.all([host.container(webName), host.container(dbName)]);
      expect(await db.address('shop_back')).toBe('10.77.1.10');
      expect(await web.reaches('10.77.1.10')).toBe(true);
      await web.serve(80);
      expect(await outside.seenBy('10.99.0.11', 8080)).toBe('10.99.0.1');
      expect(await db.reaches(await web.address('shop_front'))).toBe(false);
      expect(JSON.parse(await host.cord('network', 'show', 'shop_back', '-o', 'json'))).toMatchObject({
        mtu: 1400,
        natOutgoing: false,
      });
      const [endpoint] = JSON.parse(await host.cord('endpoint', 'list', '--label', 'tier=db', '-o', 'json'));
      expect(endpoint).toMatchObject({ container: { name: dbName } });
      await compose('down');
      expect(JSON.parse(await host.cord('network', 'list', '-o', 'json'))).toEqual([]);
    },
    E2E_TIMEOUT_MS,
  );

  test(
    "Marathon's Docker parameters are flags of docker run",
    async () => {
      const { host } = corduroy();
      const { id, instances, container }: MarathonApp = JSON.parse(await example('marathon/web.json'));
      const flags = container.docker.parameters.map(({ key, value }) => `--${key}=${value}`);
      await host.cord('network', 'create', 'dataman');
      const names = Array.from({ length: instances }, (_, n) => `mesos${id.replaceAll('/', '-')}-${n}`);
      for (const name of names) await host.docker('run', '-d', '--name', name, ...flags, TEST_IMAGE);
      const [one, two] = await Promise.all(names.map((name) => host.container(name)));
      expect(await one?.reaches((await two?.address('dataman')) ?? '')).toBe(true);
      const shown = JSON.parse(await host.cord('container', 'show', names[0] ?? '', '-o', 'json'));
      expect(JSON.stringify(shown)).toContain('"dataman"');
      await host.docker('rm', '-f', ...names);
      await host.docker('network', 'rm', 'dataman');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    "Nomad's docker driver gives network_mode and labels to the engine",
    async () => {
      const { host } = corduroy();
      const job = await example('nomad/web.nomad.hcl');
      const value = (key: string): string => new RegExp(`\\b${key}\\s*=\\s*"([^"]+)"`).exec(job)?.[1] ?? '';
      const count = Number(/count = (\d+)/.exec(job)?.[1]);
      await host.cord('network', 'create', value('network_mode'));
      const names = Array.from({ length: count }, (_, n) => `web-${n}`);
      for (const name of names) {
        const HostConfig = { NetworkMode: value('network_mode') };
        await new EngineApi(host).do('POST', `/containers/create?name=${name}`, {
          Image: TEST_IMAGE,
          Labels: { tier: value('tier') },
          HostConfig,
        });
        await new EngineApi(host).do('POST', `/containers/${name}/start`);
      }
      const [one, two] = await Promise.all(names.map((name) => host.container(name)));
      expect(await one?.reaches((await two?.address(value('network_mode'))) ?? '')).toBe(true);
      expect(
        JSON.parse(
          await host.cord('endpoint', 'list', '--network', value('network_mode'), '--label', 'tier=web', '-o', 'json'),
        ),
      ).toHaveLength(count);
      await host.docker('rm', '-f', ...names);
      await host.docker('network', 'rm', value('network_mode'));
    },
    E2E_TIMEOUT_MS,
  );
});
