import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RoutingConfigRefusedError } from '../../src/model/errors.js';
import { missingFor } from '../lab/needs.js';
import { type BgpHost, BgpLab, isAlive, until } from './bgp-lab.js';

const TIMEOUT_MS = 60_000;
const missing = missingFor(['bird', 'birdc']);
if (missing.length > 0) process.stderr.write(`SKIPPED the life of BIRD: ${missing.join(', ')}\n`);

(missing.length === 0 ? describe : describe.skip)('BIRD', () => {
  let lab: BgpLab;
  let one: BgpHost;
  let two: BgpHost;
  /** What the other has of each. */
  let ofOne: string;
  let ofTwo: string;
  beforeEach(async () => {
    lab = await BgpLab.up();
    [one, two] = await Promise.all([lab.node('one'), lab.node('two')]);
    ofOne = `10.64.0.0/26 via ${one.ip}`;
    ofTwo = `10.64.0.64/26 via ${two.ip}`;
    await one.claim('10.64.0.0/26');
    await two.claim('10.64.0.64/26');
    await Promise.all([one.learns([ofTwo]), two.learns([ofOne])]);
  }, TIMEOUT_MS);
  afterEach(() => lab.down(), TIMEOUT_MS);

  /** Looks at both kernels all the time while `work` runs; how often a route was missing. */
  async function missingRoutesDuring(work: () => Promise<void>): Promise<number> {
    let done = false;
    let gaps = 0;
    const looking = (async () => {
      while (!done) {
        const [atOne, atTwo] = await Promise.all([one.learned(), two.learned()]);
        if (!atOne.includes(ofTwo) || !atTwo.includes(ofOne)) gaps++;
      }
    })();
    await work();
    done = true;
    await looking;
    return gaps;
  }

  test(
    'goes on while its daemon is away, and the next daemon finds it: no session ends',
    async () => {
      const [pid, before] = [await one.pid(), await one.session(two.ip)];
      await one.stop();
      await two.claim('10.64.0.128/26');
      await one.learns([ofTwo, `10.64.0.128/26 via ${two.ip}`]);
      await one.start();
      expect(await one.pid()).toBe(pid);
      expect(await one.session(two.ip)).toMatchObject({ state: 'established', since: before?.since });
    },
    TIMEOUT_MS,
  );

  test(
    'is at rest when it neither runs nor has left routes',
    async () => {
      await one.stop();
      expect(await one.daemon.isAtRest()).toBe(false);
      await one.killBird();
      expect(await one.learned()).toEqual([ofTwo]);
      expect(await one.daemon.isAtRest()).toBe(false);
      await one.daemon.retire();
      expect(await one.daemon.isAtRest()).toBe(true);
    },
    TIMEOUT_MS,
  );

  test(
    'that is killed is started again, at once at both ends even, and no route is missing meanwhile, here or at its peers',
    async () => {
      const gaps = await missingRoutesDuring(async () => {
        // Each while the other has not recovered.
        for (const victim of [one, two, one, two]) {
          const pid = await victim.pid();
          await victim.killBird();
          await until(
            async () => [await victim.pid(), await victim.status()] as const,
            ([now, { sessions }]) => now !== pid && sessions.every(({ state }) => state === 'established'),
          );
        }
        await until(
          () => one.session(two.ip),
          (session) => session?.imported === 1,
        );
      });
      expect(gaps).toBe(0);
      expect((await one.status()).problems).toEqual([]);
      // In the end every route is there once, by the BIRD that runs.
      await until(
        () => one.namespace.ip('route show proto bird'),
        (routes) => routes.trim().split('\n').length === 1,
      );
      expect(await one.learned()).toEqual([ofTwo]);
    },
    TIMEOUT_MS,
  );

  test(
    'that is killed while its daemon is away is found dead by the next one, and no route is missing meanwhile',
    async () => {
      const gaps = await missingRoutesDuring(async () => {
        await one.stop();
        await one.killBird();
        await one.start();
        await one.established(two.ip);
        await new Promise((resolve) => setTimeout(resolve, 500));
      });
      expect(gaps).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'whose socket somebody took away is replaced, without a missing route',
    async () => {
      const pid = await one.pid();
      const gaps = await missingRoutesDuring(async () => {
        await one.stop();
        await rm(join(one.directory, 'bird.ctl'));
        await one.start();
        await one.established(two.ip);
      });
      expect(gaps).toBe(0);
      expect(await one.pid()).not.toBe(pid);
      expect(isAlive(pid)).toBe(false);
    },
    TIMEOUT_MS,
  );

  test(
    'whose pid file somebody took away is started anew all the same, without a missing route',
    async () => {
      const [pid, { daemon }] = [await one.pid(), one];
      await one.stop();
      await rm(join(one.directory, 'bird.pid'));
      const text = readFileSync(join(one.directory, 'bird.conf'), 'utf8');
      const gaps = await missingRoutesDuring(async () => {
        const anew = (metric: number) => text.replace(/metric \d+;/g, `metric ${metric};`);
        expect(await daemon.run(anew, 'anew')).toBe('started');
        daemon.release();
        await one.start();
        await one.established(two.ip);
      });
      expect(gaps).toBe(0);
      expect(isAlive(pid)).toBe(false);
    },
    TIMEOUT_MS,
  );

  test(
    'refuses a faulty configuration, and the former one stays in force',
    async () => {
      const file = join(one.directory, 'bird.conf');
      const before = readFileSync(file, 'utf8');
      const { daemon } = one;
      const refusal = await daemon.run(() => 'protocol nonsense { }', 'live').catch((error: Error) => error);
      expect(refusal).toBeInstanceOf(RoutingConfigRefusedError);
      expect(String(refusal)).toMatch(/BIRD refuses its configuration \(.*:1:10 .*\): the former one stays in force; /);
      expect(readFileSync(file, 'utf8')).toBe(before);
      expect(await daemon.sessions()).toContainEqual(expect.objectContaining({ state: 'established', imported: 1 }));
      daemon.release();
    },
    TIMEOUT_MS,
  );

  test(
    'that is retired takes its routes along, and leaves those of another BIRD and everybody else',
    async () => {
      const others = ['192.0.2.0/24 via 10.99.0.1 proto bird metric 32', '192.0.3.0/24 via 10.99.0.1 proto static'];
      for (const route of others) await one.namespace.ip(`route add ${route}`);
      const pid = await one.pid();
      await one.stop();
      await one.daemon.retire();
      expect(isAlive(pid)).toBe(false);
      expect(existsSync(one.directory)).toBe(false);
      const routes = await one.namespace.ip('route');
      expect(routes).not.toContain('10.64.0.64/26');
      expect(routes).toMatch(/192\.0\.2\.0\/24 .*proto bird/);
      expect(routes).toMatch(/192\.0\.3\.0\/24 .*proto static/);
      // A good-bye, not a death: peers do not wait for it.
      await two.learns([]);
      await one.daemon.retire();
    },
    TIMEOUT_MS,
  );
});
