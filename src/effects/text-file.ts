/** One small file that outlives the process. */
export interface TextFile {
  /** undefined: there is none. */
  read(): Promise<string | undefined>;
  /** Whole or not at all, and on disk when it resolves. */
  write(text: string): Promise<void>;
  remove(): Promise<void>;
}
