import type { IpFamily } from '../model/ip-address.js';

/** Which of the kernel's two packet filters the iptables tools write to. */
export type PacketFilterBackend = 'nft' | 'legacy';

/** One family's tables, in the words of iptables-restore and iptables-save. */
export interface PacketFilter {
  readonly family: IpFamily;
  readonly backend: PacketFilterBackend;
  /**
   * Loads the text, tables `*TABLE` to `COMMIT`, without flushing what it does not name. Each table is replaced in one
   * step or not at all. Calls are carried out one after the other.
   *
   * @throws KernelError if the kernel refused; tables before the refused one stay
   */
  load(text: string): Promise<void>;
  /** All tables, as iptables-save prints them. */
  save(): Promise<string>;
}
