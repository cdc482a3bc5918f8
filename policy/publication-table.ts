import type { ChainName } from '../src/model/chain.js';
import type { IpFamily } from '../src/model/ip-address.js';
import type { FirewallModel } from './firewall-model.js';
import { compilePublishChain, compilePublishRoot, isOfFamily, type Publication, publishChainOf } from './nat.js';

/** The published ports of one family, and the chains they make. */
export class PublicationTable {
  readonly #family: IpFamily;
  readonly #model: FirewallModel;
  readonly #chains = new Map<ChainName, Map<string, Publication>>();

  constructor(family: IpFamily, model: FirewallModel) {
    this.#family = family;
    this.#model = model;
    this.#putRoot();
  }

  add(publication: Publication): void {
    if (!isOfFamily(publication.port, this.#family)) return;
    const name = publishChainOf(publication);
    const chain = this.#chains.get(name);
    if (chain === undefined) {
      this.#chains.set(name, new Map([[keyOf(publication), publication]]));
      this.#putRoot();
    } else {
      chain.set(keyOf(publication), publication);
    }
    this.#put(name);
  }

  delete(publication: Publication): void {
    const name = publishChainOf(publication);
    const chain = this.#chains.get(name);
    if (chain === undefined || !chain.delete(keyOf(publication))) return;
    if (chain.size > 0) this.#put(name);
    else this.#remove(name);
  }

  #remove(name: ChainName): void {
    this.#chains.delete(name);
    this.#putRoot();
    this.#model.removeChain({ table: 'nat', name });
  }

  #put(name: ChainName): void {
    this.#model.putChain(compilePublishChain(name, this.#chains.get(name)?.values() ?? []));
  }

  #putRoot(): void {
    const one = Array.from(this.#chains.values(), (chain) => [...chain.values()].slice(0, 1)).flat();
    this.#model.putChain(compilePublishRoot(this.#family, one));
  }
}

const keyOf = ({ endpoint, port, address }: Publication): string =>
  [endpoint, address, port.protocol, port.hostIp, port.hostPort, port.containerPort].join(' ');
