/** One column of a table of `T`. */
export interface Column<T> {
  readonly header: string;
  readonly value: (row: T) => string | number | boolean | null | undefined | readonly string[];
  /** Shown with `-o wide` only. */
  readonly wide?: boolean;
}

/** Between columns, in characters. */
const GAP = '  ';

/** Headers and rows, padded, without spaces at line ends. What is absent shows as a dash. */
export function formatTable<T>(rows: readonly T[], columns: readonly Column<T>[], wide: boolean): string {
  const shown = columns.filter((column) => wide || column.wide !== true);
  const lines = [shown.map(({ header }) => header), ...rows.map((row) => shown.map(({ value }) => cell(value(row))))];
  const widths = shown.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((text, index) => text.padEnd(widths[index] ?? 0))
          .join(GAP)
          .trimEnd()}\n`,
    )
    .join('');
}

/** `Name:   value` lines for one thing. */
export function formatFields<T>(row: T, columns: readonly Column<T>[]): string {
  const width = Math.max(...columns.map(({ header }) => header.length)) + 1;
  return columns.map(({ header, value }) => `${`${header}:`.padEnd(width)}  ${cell(value(row))}\n`).join('');
}

function cell(value: ReturnType<Column<unknown>['value']>): string {
  if (value === null || value === undefined || value === '') return '-';
  if (value === true) return 'yes';
  if (value === false) return 'no';
  const text = typeof value === 'object' ? value.join(',') : String(value);
  // Names and labels come from users: nothing of theirs may move the terminal's cursor.
  return text === '' ? '-' : text.replace(/\p{Cc}/gu, '?');
}
