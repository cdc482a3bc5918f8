import type { DockerContainer } from '../src/effects/docker.js';
import type { Endpoint } from '../src/model/endpoint.js';
import { type ContainerMarks, NAME_KEY, readContainer } from './container-labels.js';

/**
 * The endpoint as it is with what Docker tells of its container. What was chosen for the endpoint itself stays: its
 * profiles win over the container's, its labels over labels of the same key.
 *
 * A container's labels never change; its name may. So of one that is known, only the name is followed. The same
 * endpoint object is returned if nothing is new.
 */
export function withContainer(
  endpoint: Endpoint,
  container: DockerContainer,
): { readonly endpoint: Endpoint; readonly marks: ContainerMarks } {
  const marks = readContainer(container);
  const known = endpoint.container;
  const named = { id: container.id, name: container.name };
  if (known?.id === container.id) {
    if (known.name === container.name) return { endpoint, marks };
    return {
      endpoint: { ...endpoint, container: named, labels: { ...endpoint.labels, [NAME_KEY]: container.name } },
      marks,
    };
  }
  return {
    endpoint: {
      ...endpoint,
      container: named,
      ...(marks.profiles === undefined ? {} : { containerProfiles: marks.profiles }),
      tags: [...new Set([...endpoint.tags, ...marks.tags])],
      labels: { ...marks.labels, ...endpoint.labels, [NAME_KEY]: container.name },
    },
    marks,
  };
}
