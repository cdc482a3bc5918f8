import express, { type Express } from 'express';
import type { DataplaneStatusSource } from '../effects/dataplane-status.js';
import type { Datastore } from '../effects/datastore.js';
import { readiness } from './health.js';
import type { Metrics } from './metrics.js';

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What may be seen over TCP: /metrics, /healthz (the process answers) and /readyz (it can serve new containers). */
export function metricsApp(sources: {
  readonly metrics: Metrics;
  readonly datastore: Pick<Datastore, 'health'>;
  readonly dataplaneStatus: DataplaneStatusSource;
}): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/metrics', async (_request, response) => {
    response.type(EXPOSITION_TYPE).send(await sources.metrics.text());
  });
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/readyz', (_request, response) => {
    const { ready, problems } = readiness(sources);
    response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready', problems });
  });
  app.use((_request, response) => {
    response.status(404).json({ error: 'there is nothing here', remedy: 'ask for /metrics, /healthz or /readyz' });
  });
  return app;
}
