/**
 * A program: plays Docker towards plugin sockets, in a process of its own so that the measured one has its core.
 *
 *   load.js calls ROUNDS NAME=SOCKET,NETWORK,POOL...     one endpoint of each in turn; ms of CreateEndpoint + Join
 *   load.js rate COUNT AT_ONCE NAME=SOCKET,NETWORK,POOL  COUNT endpoints, AT_ONCE in flight; endpoints per second
 *
 * Prints one line of JSON: samples by name. What it made is removed again, outside the measured time.
 */
import { EndpointLife, PluginClient } from './plugin-client.js';

interface Variant {
  readonly name: string;
  readonly newEndpoint: () => EndpointLife;
}

const [mode = '', ...words] = process.argv.slice(2);
const clients: PluginClient[] = [];

function parseVariant(word: string): Variant {
  const [name = '', target = ''] = word.split('=');
  const [socket = '', network = '', pool = ''] = target.split(',');
  const client = new PluginClient(socket);
  clients.push(client);
  return { name, newEndpoint: () => new EndpointLife(client, network, pool) };
}

async function oneEndpoint(variant: Variant): Promise<number> {
  const endpoint = variant.newEndpoint();
  await endpoint.requestAddress();
  const ms = await endpoint.createAndJoin();
  await endpoint.leaveAndDelete();
  return ms;
}

async function calls(rounds: number, variants: readonly Variant[]): Promise<Record<string, number[]>> {
  for (const variant of variants) for (let warm = 0; warm < 5; warm++) await oneEndpoint(variant);
  const samples: Record<string, number[]> = Object.fromEntries(variants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const variant of variants) samples[variant.name]?.push(await oneEndpoint(variant));
  }
  return samples;
}

async function rate(count: number, atOnce: number, variant: Variant): Promise<Record<string, number[]>> {
  const endpoints = Array.from({ length: count }, () => variant.newEndpoint());
  const inFlight = async (deed: (endpoint: EndpointLife) => Promise<unknown>) => {
    const waiting = endpoints.values();
    const worker = async () => {
      for (const endpoint of waiting) await deed(endpoint);
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  };
  const begun = performance.now();
  await inFlight(async (endpoint) => {
    await endpoint.requestAddress();
    await endpoint.createAndJoin();
  });
  const perSecond = count / ((performance.now() - begun) / 1000);
  await inFlight((endpoint) => endpoint.leaveAndDelete());
  return { [variant.name]: [perSecond] };
}

const variants = words.filter((word) => word.includes('=')).map(parseVariant);
const numbers = words.map(Number).filter(Number.isInteger);
const [first] = variants;
if (first === undefined) throw new Error('name at least one plugin as NAME=SOCKET,NETWORK,POOL');
const samples =
  mode === 'rate' ? await rate(numbers[0] ?? 0, numbers[1] ?? 1, first) : await calls(numbers[0] ?? 0, variants);
console.log(JSON.stringify(samples));
for (const client of clients) client.close();
