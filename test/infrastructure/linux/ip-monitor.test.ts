import { expect, test } from '@jest/globals';
import { parseMonitorLine } from '../../../src/infrastructure/linux/ip-monitor.js';

// Lines of `ip -o monitor link route address`, as iproute2 6.1 writes them.
const LINK = 'mtu 1500 qdisc noqueue state UP group default \\    link/ether e2:36:0a:92:3b:67 brd ff:ff:ff:ff:ff:ff';

test.each([
  ['another link', `2: br0: <BROADCAST,MULTICAST,UP> ${LINK}`, 'br0'],
  ['one end of a pair', `4: cali1@eth0x: <BROADCAST,MULTICAST,UP> ${LINK}`, 'cali1'],
  ['its end', `Deleted 4: cali1@NONE: <BROADCAST,MULTICAST> ${LINK}`, 'cali1'],
  ['a tunnel of ours', `5: vxlan.cord: <BROADCAST,MULTICAST> ${LINK}`, 'vxlan.cord'],
  ['an address', '2: br0    inet 10.1.0.1/24 scope global br0\\       valid_lft forever preferred_lft forever', 'br0'],
  [
    'an address of a tunnel',
    '5: vxlan.cord    inet 10.64.0.63/32 scope link vxlan.cord\\       valid_lft forever',
    'vxlan.cord',
  ],
  ['its end', 'Deleted 3: eth0x    inet6 fd00::1/64 scope global nodad \\       valid_lft forever', 'eth0x'],
])('%s concerns the networks that the host is on, and is told by its name: %s', (_, line, link) => {
  expect(parseMonitorLine(line)).toEqual({ kind: 'hostNetworks', link });
});

test.each([
  ['linkUp', `7: cord0123456789a@if6: <BROADCAST,UP,LOWER_UP> ${LINK}`],
  ['linkDown', `7: cord0123456789a@if6: <BROADCAST> ${LINK}`],
  ['linkRemoved', `Deleted 7: cord0123456789a@if6: <BROADCAST> ${LINK}`],
])('%s is told of the host side of a container', (kind, line) => {
  expect(parseMonitorLine(line)).toEqual({ kind, link: 'cord0123456789a' });
});

test.each([
  ['Deleted 10.64.8.0/26 via 10.1.0.2 dev br0 proto 80 metric 16 onlink ', '10.64.8.0/26', 'br0'],
  ['Deleted blackhole 10.64.9.0/26 proto 80 ', '10.64.9.0/26', undefined],
  ['Deleted blackhole fd80:c0de::40/122 dev lo proto 80 metric 1024 pref medium', 'fd80:c0de::40/122', 'lo'],
])('a route of ours that is gone: %s', (line, destination, link) => {
  const family = destination.includes(':') ? 6 : 4;
  expect(parseMonitorLine(line)).toEqual({ kind: 'routeRemoved', family, destination, link });
});

test.each([
  `8: veth12345@if7: <BROADCAST,UP> ${LINK}`,
  `8: ctmp0123456789a@cord0123456789a: <BROADCAST> ${LINK}`,
  'Deleted 4: cali1    inet6 fe80::e036:aff:fe92:3b67/64 scope link tentative \\       valid_lft forever',
  'Deleted fe80::/64 dev cali1 proto kernel metric 256 pref medium',
  '10.64.8.0/26 via 10.1.0.2 dev br0 proto 80 metric 16 onlink ',
])('what concerns nobody: %s', (line) => {
  expect(parseMonitorLine(line)).toBeUndefined();
});
