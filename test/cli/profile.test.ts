import { describe, expect, test } from '@jest/globals';
import { useCommandLine } from '../builders/command-line.js';

const { cord, printed } = useCommandLine();

describe('profiles', () => {
  test("the seed's example", async () => {
    await printed('profile add WEB');
    await printed('profile WEB rule add inbound allow tcp to ports 80,443');
    expect(await printed('profile WEB rule show')).toBe(
      [
        'Inbound rules:',
        '   1 allow from tag WEB',
        '   2 allow tcp to ports 80,443',
        'Outbound rules:',
        '   1 allow',
        '',
      ].join('\n'),
    );
  });

  test('rules go in at a position, and go by position or by text', async () => {
    expect(await printed('profile web rule add inbound --at 1 deny tcp to ports 80')).toBe(
      'added inbound rule 1 of profile web: deny tcp to ports 80\n',
    );
    expect(await printed('profile web rule remove inbound --at 1')).toBe(
      'removed inbound rule 1 of profile web: deny tcp to ports 80\n',
    );
    expect(await printed('profile web rule remove outbound allow')).toBe(
      'removed outbound rule 1 of profile web: allow\n',
    );
  });

  test('what rule json prints, rule update takes', async () => {
    const json = await printed('profile web rule json');
    expect(JSON.parse(json)).toEqual({
      id: 'web',
      inbound_rules: [{ action: 'allow', src_tag: 'web' }],
      outbound_rules: [{ action: 'allow' }],
    });
    const edited = json.replace('"src_tag": "web"', '"!src_net": "192.0.2.0/24"');
    expect(await cord('profile web rule update', edited)).toMatchObject({ code: 0 });
    expect(await printed('profile web rule show')).toContain('   1 allow from not cidr 192.0.2.0/24\n');
  });

  test('rule update takes texts as well, and leaves a direction alone that it does not name', async () => {
    expect(await cord('profile web rule update', '{"inbound": ["deny tcp", "allow"]}')).toMatchObject({ code: 0 });
    expect(await printed('profile web rule show')).toBe(
      'Inbound rules:\n   1 deny tcp\n   2 allow\nOutbound rules:\n   1 allow\n',
    );
  });

  test.each<[string, string]>([
    [
      '{"inbound_rules": [{"action": "allow"}, {"action": "allow", "source": "x"}]}',
      'error: inbound rule 2 cannot be read: Unrecognized key: "source"\n  try: its keys are action, protocol, src_tag,',
    ],
    [
      '{"outbound_rules": [{"action": "allow", "protocol": "tcp", "dst_ports": [80, 70000]}]}',
      'error: outbound rule 1 is not a rule: in the rule "allow tcp to ports 80,70000", at column 20: found "80,70000", expected ports from 0 to 65535',
    ],
    ['{"inbound": ["allow", "permit"]}', 'error: inbound rule 2 is not a rule: in the rule "permit", at column 1'],
    [
      '{"inbound": [], "outbound_rules": []}',
      'error: the rules are in two forms at once\n  try: give either "inbound"',
    ],
  ])('rule update with %s names the rule and the key, and changes nothing', async (input, message) => {
    const before = await printed('profile web rule json');
    const { code, err } = await cord('profile web rule update', input);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(message) });
    expect(await printed('profile web rule json')).toBe(before);
  });

  test('tags and mode', async () => {
    await printed('profile web tag add blue');
    expect(await printed('profile web tag show')).toBe('web\nblue\n');
    await printed('profile web tag remove blue');
    expect(await printed('profile web mode audit')).toBe('profile web is now in mode audit\n');
    expect(await printed('profile web mode')).toBe('audit\n');
  });

  test('a selector keeps its quotation marks, which the shell took', async () => {
    expect(await printed(`profile web rule add inbound allow from selector "tier == 'front'"`)).toBe(
      `added inbound rule 2 of profile web: allow from selector 'tier == "front"'\n`,
    );
    const { code, err } = await cord(`profile web rule add inbound allow from selector "tier = 'front'"`);
    expect({ code, err }).toEqual({
      code: 1,
      err: `error: rule: in the rule "allow from selector "tier = 'front'"", at column 27: found "=", expected a label, a value in quotation marks, or one of == != && || ! ( ) { } ,\n  try: write LABEL == 'V', LABEL != 'V', LABEL in {'V', 'W'}, has(LABEL) or all(), joined by && and ||, with ! before what is to be negated\n`,
    });
  });

  test('a rule that nothing enforces is refused', async () => {
    const { code, err } = await cord('profile web rule add inbound allow from set office');
    expect({ code, err }).toEqual({
      code: 1,
      err: 'error: cannot use the rule "allow from set office": this version does not enforce network sets yet\n  try: name a tag, a selector or a CIDR instead\n',
    });
  });

  test('of containers are appended, removed, set and shown', async () => {
    await printed('profile add DB');
    expect(await printed('container front profile append DB')).toBe('container front bears profiles web, DB\n');
    expect(await printed('container front profile show')).toBe(
      'ENDPOINT      NETWORK  PROFILES\naaaaaaaaaaaa  web      web,DB\n',
    );
    await printed('container front profile remove web');
    await printed('container front profile set --inherit');
    await printed(`endpoint ${'a'.repeat(12)} profile set DB`);
    expect(await printed('endpoint show aaaa')).toContain('Profiles:   DB\n');
  });
});
