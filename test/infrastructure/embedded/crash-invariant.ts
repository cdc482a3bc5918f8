/** What the crash test's two processes agree on: money only moves, so the balances always add up to nothing. */
export interface Account {
  readonly balance: number;
  /** Makes rows large enough that LevelDB rolls its log and compacts while it is being killed. */
  readonly padding: string;
}

export const ACCOUNTS = 7;
export const WRITERS = 6;
export const accountKey = (n: number): string => `/corduroy/v1/account/${n}`;
export const JOURNAL = '/corduroy/v1/journal/';
/** Written in the same transaction as the transfer of that number. */
export const journalKey = (number: number): string => `${JOURNAL}${number}`;
