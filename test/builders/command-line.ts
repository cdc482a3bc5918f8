import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import { runCommandLine } from '../../src/cli/run.js';
import { adminApp } from '../../src/server/admin/admin-app.js';
import { listenOnUnixSocket, type UnixSocketServer } from '../../src/server/unix-socket.js';
import { type AdminHarness, anAdminHarness } from './admin.js';

/** The command line against a real admin API, which is another for each test of the file that calls this. */
export function useCommandLine() {
  let folder: string;
  let socket: string;
  let harness: AdminHarness;
  let server: UnixSocketServer;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cord-cli-'));
    socket = join(folder, 'admin.sock');
  });
  beforeEach(async () => {
    harness = await anAdminHarness();
    server = await listenOnUnixSocket(socket, adminApp(harness.context));
  });
  afterEach(async () => {
    await server.close(0);
    await harness.close();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Runs one line, split at spaces; words in double quotes are one. */
  const cord = async (line: string, input = '') => {
    const words = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"|"$/g, ''));
    let out = '';
    let err = '';
    const code = await runCommandLine(words, {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      readInput: async () => input,
      colour: false,
      environment: { CORDUROY_ADMIN_SOCKET: socket },
    });
    return { code, out, err };
  };

  return {
    cord,
    /** What a line that succeeds prints. */
    printed: async (line: string): Promise<string> => {
      const { code, out, err } = await cord(line);
      expect({ line, code, err }).toEqual({ line, code: 0, err: '' });
      return out;
    },
    fails: async (line: string, code: number, message: string): Promise<void> => {
      const result = await cord(line);
      expect({ code: result.code, err: result.err }).toEqual({ code, err: expect.stringContaining(message) });
    },
    harness: () => harness,
    /** A folder of the file's own. */
    folder: () => folder,
  };
}
