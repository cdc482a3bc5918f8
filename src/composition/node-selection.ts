import type { ClusterView } from '../effects/cluster-view.js';
import { contains } from '../model/cidr.js';
import { InvalidRequestError } from '../model/errors.js';
import type { NodeName } from '../model/ids.js';
import type { Network } from '../model/network.js';
import { evaluateSelector, knownLabels, parseSelector } from '../model/selector.js';

/**
 * Whether a pool's selector selects the node, by the labels of its record as they are when it is asked. What is not
 * known selects nothing: a node without a record, or a stored selector that cannot be read.
 */
export const nodeMatches =
  ({ nodes }: Pick<ClusterView, 'nodes'>, node: NodeName) =>
  (selector: string): boolean => {
    const labels = nodes.get(node)?.value.labels;
    try {
      return (
        evaluateSelector(parseSelector(selector), labels === undefined ? () => null : knownLabels(labels)) === true
      );
    } catch (error) {
      if (error instanceof InvalidRequestError) return false;
      throw error;
    }
  };

/** Whether a network's pools are for the node: each pool's selector selects it. */
export const networkMatches = (view: Pick<ClusterView, 'nodes' | 'pools'>, node: NodeName) => {
  const matches = nodeMatches(view, node);
  return ({ subnets }: Pick<Network, 'subnets'>): boolean =>
    [...view.pools.values()]
      .filter(({ value: pool }) => subnets.some(({ cidr }) => contains(pool.cidr, cidr)))
      .every(({ value: { nodeSelector } }) => nodeSelector === undefined || matches(nodeSelector));
};
