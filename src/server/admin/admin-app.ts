import express, { type Express, type Request, type Response } from 'express';
import { describeError, NotFoundError } from '../../model/errors.js';
import type { AdminContext } from './admin-context.js';
import { bgpRoutes } from './bgp.js';
import { daemonRoutes } from './daemon.js';
import { endpointRoutes } from './endpoints.js';
import { replyToError } from './error-reply.js';
import { ipamRoutes } from './ipam.js';
import { networkRoutes } from './networks.js';
import { nodeRoutes } from './nodes.js';
import { openApiDocument } from './openapi.js';
import { poolRoutes } from './pools.js';
import { profileRoutes } from './profiles.js';
import type { AnyRoute } from './route.js';

export const adminRoutes: readonly AnyRoute[] = [
  ...daemonRoutes,
  ...poolRoutes,
  ...networkRoutes,
  ...profileRoutes,
  ...endpointRoutes,
  ...ipamRoutes,
  ...nodeRoutes,
  ...bgpRoutes,
];

/** The admin API: each request is parsed, handled, answered as its route's schema says, and told in one log line. */
export function adminApp(context: AdminContext): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // Any content type: a client that forgets the header still sends JSON.
  app.use(express.json({ type: () => true, limit: '1mb', strict: true }));
  for (const route of adminRoutes) app[route.method](route.path, serve(route, context));
  const document = openApiDocument(adminRoutes, context.version);
  app.get('/openapi.json', (_request, response) => {
    response.json(document);
  });
  app.use((request: Request) => {
    throw new NotFoundError(
      `there is no ${request.method} ${request.path.slice(0, 100)}; see /openapi.json for what there is`,
    );
  });
  // Express tells an error handler by its four parameters.
  app.use((error: unknown, request: Request, response: Response, _next: unknown) => {
    const { status, body } = replyToError(error);
    const fields = { method: request.method, path: request.path, status, error: describeError(error) };
    if (status >= 500) context.log.error(fields, 'admin request failed');
    else context.log.info(fields, 'admin request refused');
    response.status(status).json(body);
  });
  return app;
}

function serve(route: AnyRoute, context: AdminContext) {
  return async (request: Request, response: Response): Promise<void> => {
    const started = performance.now();
    const input = {
      params: route.params?.parse(request.params),
      query: route.query?.parse(request.query),
      body: route.body?.parse(request.body ?? {}),
    };
    const reply: unknown = await route.handle(context, input);
    const fields = {
      method: request.method,
      path: request.path,
      durationMs: Math.round(performance.now() - started),
      outcome: 'ok',
    };
    if (route.method === 'get') context.log.debug(fields, 'admin request');
    else context.log.info(fields, 'admin request');
    if (route.text === undefined) response.json(reply);
    else response.type(route.text).send(reply);
  };
}
