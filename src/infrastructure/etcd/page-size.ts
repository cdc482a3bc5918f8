/** Keys in the first reply to a list: what they take tells how many are asked for next. */
export const FIRST_PAGE_KEYS = 250;
/** What a reply may take, as far as the one before it tells: a message that leaves no holes of tens of megabytes in memory. */
const PAGE_BYTES = 4_000_000;
const MOST_KEYS = 5_000;

/**
 * How many keys to ask for after this page. For each page etcd counts all keys that follow it, so that a list of hundreds
 * of thousands in small pages takes it longer than their contents do.
 *
 * @param page at least one
 */
export function nextPageKeys(page: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]): number {
  const bytes = page.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  return Math.min(MOST_KEYS, Math.ceil((PAGE_BYTES * page.length) / bytes));
}
