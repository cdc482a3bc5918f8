import type { Table } from '../src/model/chain.js';

/** A rule as iptables-save prints it, without its `-A CHAIN `. */
export interface SavedRule {
  readonly text: string;
}

export interface SavedTable {
  /** Every chain, the kernel's own and others', with its rules in order. */
  readonly chains: ReadonlyMap<string, readonly SavedRule[]>;
}

/** What iptables-save printed, by table. */
export function parseSavedTables(text: string): ReadonlyMap<Table, SavedTable> {
  const tables = new Map<Table, { readonly chains: Map<string, SavedRule[]> }>();
  let chains = new Map<string, SavedRule[]>();
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      chains = new Map();
      tables.set(line.slice(1) as Table, { chains });
    } else if (line.startsWith(':')) {
      chains.set(line.slice(1, line.indexOf(' ')), []);
    } else if (line.startsWith('-A ')) {
      const end = line.indexOf(' ', 3);
      if (end < 0) chains.get(line.slice(3))?.push({ text: '' });
      else chains.get(line.slice(3, end))?.push({ text: line.slice(end + 1) });
    }
  }
  return tables;
}
