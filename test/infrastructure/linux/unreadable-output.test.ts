import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type { CommandResult, CommandRunner, RunningCommand } from '../../../src/effects/command-runner.js';
import { silentLogger } from '../../../src/effects/logger.js';
import type { NetworkStackChange } from '../../../src/effects/network-stack.js';
import { ConntrackTool } from '../../../src/infrastructure/linux/conntrack-tool.js';
import { readHostFacts } from '../../../src/infrastructure/linux/host-facts.js';
import { InteractiveIpSets } from '../../../src/infrastructure/linux/interactive-ip-sets.js';
import { IpBatchNetworkStack } from '../../../src/infrastructure/linux/ip-batch-network-stack.js';
import { IpHostRoutes } from '../../../src/infrastructure/linux/ip-host-routes.js';
import { IptablesRestorePacketFilter } from '../../../src/infrastructure/linux/iptables-restore-packet-filter.js';
import { watchPacketFilter } from '../../../src/infrastructure/linux/packet-filter-watch.js';
import { KernelError } from '../../../src/model/errors.js';

/** Every program prints the same, and ends with 0; one that is started prints it and stays. */
class Printing implements CommandRunner {
  readonly ran: string[] = [];
  readonly #stdout: string;
  constructor(stdout: string) {
    this.#stdout = stdout;
  }
  async run(program: string, args: readonly string[]): Promise<CommandResult> {
    this.ran.push([program, ...args].join(' '));
    return { exitCode: 0, stdout: this.#stdout, stderr: '' };
  }
  start(): RunningCommand {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    stdout.write(this.#stdout);
    return { pid: 1, stdin, stdout, stderr, ended: new Promise(() => {}), kill: () => stdout.end() };
  }
}

const GARBAGE = [
  '\0\u001b[2J%s\n',
  'Segmentation fault\n',
  '[{"ifname"',
  '<html></html>',
  '{"a":1}',
  'null',
  '[null]',
  '7',
];
const SHAPES = ['[{"ifname":7}]', '[{"dst":[]}]', '[{"dst":"10.0.0.0/99","dev":7}]', '[[1]]', '[{"unknown":true}]'];

describe.each([...GARBAGE, ...SHAPES])('where every program prints %j', (printed) => {
  const stack = () => new IpBatchNetworkStack(new Printing(printed), silentLogger, [4, 6]);

  test.each([
    ['links', () => stack().links()],
    ['routes', () => stack().ourRoutes()],
    ['neighbours', () => stack().permanentNeighbours()],
    ["the host's routes", () => new IpHostRoutes(new Printing(printed)).list()],
    ['IP sets', () => new InteractiveIpSets(new Printing(printed), silentLogger).ours()],
    ['nft', () => new IptablesRestorePacketFilter(new Printing(printed), 4, 'nft', silentLogger).save()],
    ['legacy', () => new IptablesRestorePacketFilter(new Printing(printed), 6, 'legacy', silentLogger).save()],
  ])('%s: an error that says what to do', async (_, read) => {
    const error = await read().then(String, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KernelError);
    expect((error as Error).message).toMatch(
      /^the output of .* (cannot be read|is not understood).*[;?] (install|see) /,
    );
  });

  test('connections: such lines are none of ours, and nothing is deleted', async () => {
    const runner = new Printing(printed);
    const tool = new ConntrackTool(runner, runner, [4, 6]);
    expect(await tool.list()).toEqual([]);
    await tool.forgetAddresses(['10.64.0.2' as never]);
    expect(runner.ran.filter((command) => !command.startsWith('conntrack -L'))).toEqual([]);
  });

  test('the facts of the host: what cannot be read is not known', async () => {
    const paths = { dockerSocket: '/nonexistent/d.sock', pluginSocket: '/nonexistent/p.sock' };
    expect(await readHostFacts(new Printing(printed), paths)).toMatchObject({ uplinks: [], routes: [] });
  });

  test('what watches the kernel reads on', async () => {
    const runner = new Printing(`${printed}\n${LINK_GONE}\n`);
    const changes: NetworkStackChange[] = [];
    await new Promise<void>((resolve) => {
      const watch = new IpBatchNetworkStack(runner, silentLogger, [4]).watch((change) => {
        changes.push(change);
        watch.close();
        resolve();
      });
    });
    expect(changes).toEqual([{ kind: 'linkRemoved', link: 'cord0123456789a' }]);
    let told = 0;
    await new Promise<void>((resolve) => {
      const watch = watchPacketFilter({
        ...{ runner: new Printing(`${printed}\nNEWGEN: GENID=7 PID=4 NAME=x\n`), backend: 'nft', families: [4] },
        ...{ hooks: async () => '', ourPids: () => [], log: silentLogger },
        listener: () => {
          told++;
          watch.close();
          resolve();
        },
      });
    });
    expect(told).toBe(1);
  });
});

const LINK_GONE = 'Deleted 7: cord0123456789a@if6: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN';

test.each([
  'Deleted 10.0.0.0/99 dev x proto 80 ',
  'Deleted blackhole a/b proto 80 ',
  'Deleted :::/1 dev cord0123456789a proto 80',
  '7: cord0123456789a: <',
])('a line of ip monitor that is like ours and is not: %s', async (line) => {
  const runner = new Printing(`${line}\n${LINK_GONE}\n`);
  const first = await new Promise<NetworkStackChange>((resolve) => {
    const watch = new IpBatchNetworkStack(runner, silentLogger, [4]).watch((change) => {
      watch.close();
      resolve(change);
    });
  });
  expect(first).toEqual({ kind: 'linkRemoved', link: 'cord0123456789a' });
});

test.each(['', '[]', '[{}]', '\n'])('there is no host without a link: %j is an error', async (printed) => {
  const stack = new IpBatchNetworkStack(new Printing(printed), silentLogger, [4]);
  await expect(stack.links()).rejects.toThrow(/cannot be read/);
  expect([await stack.ourRoutes(), await stack.permanentNeighbours()]).toEqual([[], []]);
});

const SAVED =
  '# head\n*mangle\n:FORWARD ACCEPT [0:0]\n:cord-fwd - [0:0]\n-A FORWARD -j cord-fwd\nCOMMIT\n# Completed\n';
const SETS = 'create cord-4-t hash:net family inet hashsize 1024\nadd cord-4-t 10.64.0.2\nadd cord-4-t 10.64.0.3\n';

test('a listing that is cut off anywhere never reads as something shorter', async () => {
  const filter = (text: string) => new IptablesRestorePacketFilter(new Printing(text), 4, 'nft', silentLogger).save();
  expect(await filter(SAVED)).toBe(SAVED);
  const body = [SAVED.indexOf('*mangle') + 1, SAVED.indexOf('COMMIT') + 'COMMIT'.length] as const;
  for (let end = body[0]; end < body[1]; end++) {
    await expect(filter(SAVED.slice(0, end))).rejects.toThrow(/is not understood/);
  }
  const sets = (text: string) => new InteractiveIpSets(new Printing(text), silentLogger).ours();
  expect((await sets(SETS)).map(({ members }) => [...members])).toEqual([['10.64.0.2', '10.64.0.3']]);
  for (let end = 1; end < SETS.length; end++) {
    if (SETS[end - 1] !== '\n') await expect(sets(SETS.slice(0, end))).rejects.toThrow(/is not understood/);
  }
});

test('a connection whose words are no addresses and numbers never gets into the script that deletes', async () => {
  const flow = (source: string, port: string) =>
    `ipv4     2 tcp      6 99 ESTABLISHED src=${source} dst=10.64.0.2 sport=${port} dport=80 src=10.64.0.2 dst=10.64.0.9 sport=80 dport=7 use=1\n`;
  const runner = new Printing(flow('$(reboot)', '1') + flow('10.64.0.9', 'x') + flow('10.64.0.9', '7'));
  const tool = new ConntrackTool(runner, runner, [4]);
  expect((await tool.list()).map(({ original }) => original.sourcePort)).toEqual([7]);
  await tool.forgetAddresses(['10.64.0.2' as never]);
  const scripts = runner.ran.filter((command) => command.startsWith('sh'));
  expect(scripts.map((script) => script.split('\n').length)).toEqual([4]);
  expect(scripts.join('')).not.toMatch(/reboot|NaN/);
});
