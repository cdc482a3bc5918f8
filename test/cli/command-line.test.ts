import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { listenOnUnixSocket } from '../../src/server/unix-socket.js';
import { useCommandLine } from '../builders/command-line.js';

const { cord, folder, harness, printed } = useCommandLine();

describe('for programs', () => {
  test('json and yaml hold what the API answers', async () => {
    const rows = JSON.parse(await printed('-o json pool list'));
    expect(rows).toEqual([expect.objectContaining({ cidr: '10.64.0.0/12', natOutgoing: true })]);
    expect(await printed('pool list -o yaml')).toMatch(/^- cidr: 10\.64\.0\.0\/12\n {2}name: main\n/);
    expect(JSON.parse(await printed('check -o json'))[0]).toMatchObject({ level: 'ok', subject: 'privileges' });
  });

  test('completion offers commands, choices, options and names that the daemon knows', async () => {
    const candidates = async (line: string) => (await printed(`__complete ${line}`)).split('\n').slice(0, -1);
    expect(await candidates('pro')).toEqual(['profile']);
    expect(await candidates('profile ""')).toEqual(expect.arrayContaining(['add', 'web']));
    expect(await candidates('profile web ""')).toEqual(['mode', 'rule', 'tag']);
    expect(await candidates('profile web rule ""')).toEqual(['add', 'json', 'remove', 'show', 'update']);
    expect(await candidates('profile web rule add ""')).toEqual(['inbound', 'outbound']);
    expect(await candidates('profile web mode ""')).toEqual(['audit', 'enforce']);
    expect(await candidates('container show f')).toEqual(['front']);
    expect(await candidates('container front profile append ""')).toEqual(['web']);
    expect(await candidates('endpoint list --network ""')).toEqual(['web']);
    expect(await candidates('pool set 10.64.0.0/12 --nat')).toEqual(['--nat-outgoing']);
  });
});

describe('what fails says what, why and what next', () => {
  test.each<[string, number, string]>([
    ['profile WBE rule show', 1, 'error: no profile "WBE": there are web\n  try: see "corduroy profile list"\n'],
    [
      'profile web rule remove inbound',
      2,
      'error: it is not clear which rule to remove\n  try: give either --at N or the rule itself\n',
    ],
    [
      'container front profile set',
      2,
      'error: it is not clear which profiles to set\n  try: give profiles, or --none, or --inherit\n',
    ],
    [
      'profile web rule add inbound permit tcp',
      1,
      'error: rule: in the rule "permit tcp", at column 1: found "permit", expected "allow", "deny", "log" or "pass"\n  try: write allow|deny|log|pass [PROTOCOL] [from [ports P] [tag T] [selector \'S\'] [CIDR]] [to ...], with "not" before what is to be negated\n',
    ],
    ['pool add', 2, "error: missing required argument 'cidr'\n"],
    ['poll list', 2, "error: unknown command 'poll'\n(Did you mean pool?)\n"],
    ['profile web rule add sideways allow', 2, 'Allowed choices are inbound, outbound.\n'],
    ['pool list -o xml', 2, 'Allowed choices are table, wide, json, yaml.\n'],
    [
      'daemon --datastore mysql',
      2,
      'error: cannot use "mysql" for datastore (flag --datastore): there is no such choice\n  try: write one of embedded, etcd\n',
    ],
    [
      '--socket /nowhere/x.sock pool list',
      1,
      'error: the daemon is not running: nothing answers on /nowhere/x.sock\n  try: start it with "corduroy daemon" as root, or name its socket with --socket\n',
    ],
  ])('%s', async (line, code, message) => {
    const result = await cord(line);
    expect(result).toMatchObject({ code, out: '' });
    expect(result.err).toContain(message);
  });

  test('version tells its own, whatever the daemon says', async () => {
    expect(await printed('--version')).toMatch(/^corduroy \d\S+\n$/);
    const away = join(folder(), 'away.sock');
    const silent = await listenOnUnixSocket(away, (_request, response) => {
      response.statusCode = 503;
      response.end('{"error":"it is starting","remedy":"wait"}');
    });
    expect(await printed('version')).toMatch(/^corduroy \d\S+\ndaemon \d\S+\n$/);
    expect(await printed('--socket /nowhere/x.sock version')).toMatch(/^corduroy \d\S+\ndaemon not running\n$/);
    expect(await printed(`--socket ${away} version`)).toMatch(/^corduroy \d\S+\ndaemon not known: it is starting\n$/);
    await silent.close(0);
  });

  test('a change that is stored but not in force exits 1', async () => {
    harness().settle = () => Promise.reject(new Error('iptables-restore failed'));
    const result = await cord('profile web mode audit');
    expect(result).toMatchObject({ code: 1, out: 'profile web is now in mode audit\n' });
    expect(result.err).toContain('warning: it is stored, but not in this host');
  });

  test('status exits 1 while new containers would fail', async () => {
    harness().datastore.goAway('connection refused');
    expect(await cord('status')).toMatchObject({
      code: 1,
      out: expect.stringContaining('unavailable: connection refused'),
    });
  });
});
