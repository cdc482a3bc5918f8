import { request } from 'node:http';

export interface HttpReply {
  readonly status: number;
  readonly text: string;
  /** The body if it is JSON, else an empty object. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** One request to a unix socket; a text is sent as it is, anything else as JSON. Rejects only if no answer comes. */
export function unixHttp(socketPath: string, method: string, path: string, body?: unknown): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers: { 'Content-Type': 'application/json' } }, (reply) => {
      const parts: Buffer[] = [];
      reply.on('data', (part: Buffer) => parts.push(part));
      reply.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        resolve({ status: reply.statusCode ?? 0, text, body: parse(text) });
      });
      reply.on('error', reject);
    });
    outgoing.on('error', (cause) => {
      const what = `${method} ${path.slice(0, 60)} with ${length(body)} characters, ${outgoing.reusedSocket ? 'on a used connection' : 'on a new connection'}`;
      reject(new Error(`${what}: ${cause.message}`, { cause }));
    });
    outgoing.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const length = (body: unknown): number => (typeof body === 'string' ? body.length : JSON.stringify(body ?? '').length);

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
