/**
 * A program: a network plugin as it would be written without our care for time, to measure ours beside.
 *
 *   rival-plugin.js naive|batched SOCKET embedded:DIRECTORY|etcd:URL
 */
import { createServer } from 'node:http';
import express from 'express';
import { batchedKernel, naiveKernel } from './rival-kernel.js';
import { openRivalStore } from './rival-store.js';

const [kind, socket, place = ''] = process.argv.slice(2);
const kernel = kind === 'naive' ? naiveKernel : batchedKernel;
const store = openRivalStore(place);
const addresses = new Map<string, string>();
let given = 0;

const app = express();
app.use(express.json({ type: () => true }));
app.post('/IpamDriver.RequestAddress', (_request, response) => {
  given = (given + 1) % 65_000;
  response.json({ Address: `10.120.${given >> 8}.${given & 255}/32` });
});
app.post('/IpamDriver.ReleaseAddress', (_request, response) => {
  response.json({});
});
app.post('/NetworkDriver.CreateEndpoint', async (request, response) => {
  const { EndpointID, Interface } = request.body as { EndpointID: string; Interface: { Address: string } };
  const address = Interface.Address.split('/')[0] ?? '';
  addresses.set(EndpointID, address);
  await store.put(`/rival/${kind}/${EndpointID}`, JSON.stringify(request.body));
  response.json({ Interface: { MacAddress: '02:42:0a:00:00:01' } });
});
app.post('/NetworkDriver.Join', async (request, response) => {
  const { EndpointID } = request.body as { EndpointID: string };
  await kernel.attach(EndpointID.slice(0, 11), addresses.get(EndpointID) ?? '');
  response.json({ InterfaceName: { SrcName: `rvt${EndpointID.slice(0, 11)}`, DstPrefix: 'eth' } });
});
app.post('/NetworkDriver.Leave', async (request, response) => {
  const { EndpointID } = request.body as { EndpointID: string };
  await kernel.detach(EndpointID.slice(0, 11), addresses.get(EndpointID) ?? '');
  response.json({});
});
app.post('/NetworkDriver.DeleteEndpoint', async (request, response) => {
  const { EndpointID } = request.body as { EndpointID: string };
  addresses.delete(EndpointID);
  await store.delete(`/rival/${kind}/${EndpointID}`);
  response.json({});
});
app.use((error: Error, _request: express.Request, response: express.Response, _next: express.NextFunction) => {
  response.json({ Err: error.message });
});

await kernel.prepare();
createServer(app).listen(socket, () => console.log('ready'));
