import { expect, test } from '@jest/globals';
import { inheritedSocket } from '../../src/server/inherited-socket.js';

test.each([
  ['handed to us', { LISTEN_PID: '42', LISTEN_FDS: '1' }, 3],
  ['handed to another process', { LISTEN_PID: '41', LISTEN_FDS: '1' }, undefined],
  ['none', { LISTEN_PID: '42', LISTEN_FDS: '0' }, undefined],
  ['not started by systemd', {}, undefined],
  ['not a number', { LISTEN_PID: '42', LISTEN_FDS: 'many' }, undefined],
])('a socket that systemd listens on: %s', (_, environment, fd) => {
  expect(inheritedSocket(environment, 42)).toBe(fd);
});
