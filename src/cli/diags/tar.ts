const BLOCK = 512;
/** Regular file; see POSIX, pax, "ustar Interchange Format". */
const REGULAR = '0';

export interface TarEntry {
  /** At most 100 bytes. */
  readonly name: string;
  readonly content: string;
}

/** A tar archive of small files, readable by their owner alone. */
export function tar(entries: readonly TarEntry[], modified: Date): Buffer {
  const parts = entries.flatMap(({ name, content }) => {
    const data = Buffer.from(content);
    return [header(name, data.length, modified), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)];
  });
  // Two empty blocks end it.
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(name: string, size: number, modified: Date): Buffer {
  const block = Buffer.alloc(BLOCK);
  const number = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;
  block.write(name, 0, 100);
  block.write(number(0o600, 8), 100);
  block.write(number(0, 8), 108);
  block.write(number(0, 8), 116);
  block.write(number(size, 12), 124);
  block.write(number(Math.floor(modified.getTime() / 1_000), 12), 136);
  block.write(REGULAR, 156);
  block.write('ustar\x0000', 257);
  // The checksum counts its own field as spaces.
  block.fill(' ', 148, 156);
  block.write(
    `${number(
      block.reduce((sum, byte) => sum + byte, 0),
      7,
    )} `,
    148,
  );
  return block;
}
