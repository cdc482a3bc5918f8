import { request } from 'node:http';
import { connect } from 'node:net';
import type { HostFacts, SocketState } from '../../effects/host-facts.js';
import { engineSilence } from '../docker/engine-silence.js';

/** Who answers on the engine's socket, within `timeoutMs`. Never rejects. */
export function dockerVersion(socketPath: string, timeoutMs: number): Promise<HostFacts['docker']> {
  return new Promise((resolve) => {
    const silent = (error: unknown): void => {
      const { problem, remedy } = engineSilence(error, socketPath);
      resolve({ kind: 'silent', problem, remedy });
    };
    const asked = request({ socketPath, path: '/version', timeout: timeoutMs }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        const version = /"Version":"([^"]+)"/.exec(text)?.[1];
        const { statusCode = 0 } = response;
        if (statusCode >= 400) silent(Object.assign(new Error(`HTTP ${statusCode} ${text}`), { statusCode }));
        else if (version === undefined) silent(new Error('it is not Docker that answers'));
        else resolve({ kind: 'answers', version });
      });
    });
    asked.on('timeout', () => {
      resolve({ kind: 'slow', afterMs: timeoutMs });
      asked.destroy();
    });
    asked.on('error', silent);
    asked.end();
  });
}

/** Whether anybody listens there. Never rejects. */
export function socketState(path: string): Promise<SocketState> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve('answers');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ENOENT' ? 'absent' : 'stale'));
  });
}
