import type { Readable } from 'node:stream';

export type Body =
  | { readonly kind: 'complete'; readonly text: string }
  /** `unread`: more of it comes, which must not be taken for the next request. */
  | { readonly kind: 'tooLarge'; readonly unread: boolean };

/** How much of a refused body is still taken in, in multiples of the limit, so that its sender reads our answer. */
const PATIENCE = 32;

/**
 * The whole body, whatever its content type: Docker declares none. Memory is bounded by `limit` bytes; what is beyond
 * is thrown away, and after 32 times the limit no more is read.
 */
export function readBody(stream: Readable, limit: number): Promise<Body> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else if (size <= limit * PATIENCE) chunks.length = 0;
      else {
        stream.pause();
        resolve({ kind: 'tooLarge', unread: true });
      }
    });
    stream.on('end', () => {
      if (size > limit) resolve({ kind: 'tooLarge', unread: false });
      else resolve({ kind: 'complete', text: Buffer.concat(chunks).toString('utf8') });
    });
    stream.on('error', reject);
    stream.on('close', () => {
      if (!stream.readableEnded) reject(new Error('the connection closed before the request was complete'));
    });
  });
}
