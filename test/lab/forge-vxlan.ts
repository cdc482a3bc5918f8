/**
 * A program: sends VXLAN packets as an attacker would, each with a numbered UDP packet inside.
 *
 *   forge-vxlan.js HOST INNER_MAC INNER_SOURCE INNER_DESTINATION INNER_PORT COUNT
 *
 * Ends when all are sent.
 */
import { createSocket } from 'node:dgram';
import { VXLAN_ID, VXLAN_PORT } from '../../src/model/tunnel.js';

const [host = '', mac = '', source = '', destination = '', port = '', count = '1'] = process.argv.slice(2);

const octets = (address: string): readonly number[] => address.split('.').map(Number);

function ipv4Header(length: number): Buffer {
  const header = Buffer.from([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, ...octets(source), ...octets(destination)]);
  header.writeUInt16BE(length, 2);
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  header.writeUInt16BE(~sum & 0xffff, 10);
  return header;
}

function packet(number: number): Buffer {
  const payload = Buffer.from(String(number));
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(40_000, 0);
  udp.writeUInt16BE(Number(port), 2);
  udp.writeUInt16BE(8 + payload.length, 4);
  const vxlan = Buffer.from([0x08, 0, 0, 0, (VXLAN_ID >> 16) & 255, (VXLAN_ID >> 8) & 255, VXLAN_ID & 255, 0]);
  const ethernet = Buffer.from(`${mac.replaceAll(':', '')}0600000000990800`, 'hex');
  return Buffer.concat([vxlan, ethernet, ipv4Header(28 + payload.length), udp, payload]);
}

const socket = createSocket('udp4');
for (let number = 0; number < Number(count); number++) {
  await new Promise<void>((resolve) => socket.send(packet(number), VXLAN_PORT, host, () => resolve()));
}
socket.close();
