import { z } from 'zod';
import { errorReply } from './error-reply.js';
import type { AnyRoute } from './route.js';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of these routes, made from the same values that parse and answer requests. */
export function openApiDocument(routes: readonly AnyRoute[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Corduroy admin API',
      version,
      description: 'Served on a unix socket that only root may use. Every error is {error, remedy}.',
    },
    paths,
  };
}

/** `/pools/:pool` -> `/pools/{pool}`. */
export const openApiPath = (path: string): string => path.replace(/:(\w+)/g, '{$1}');

function operation({ summary, tag, method, path, params, query, body, response, text }: AnyRoute): Json {
  const type = text === undefined ? 'application/json' : (text.split(';')[0] ?? text);
  return {
    operationId: `${method} ${openApiPath(path)}`,
    tags: [tag],
    summary,
    parameters: [...parametersOf('path', params), ...parametersOf('query', query)],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } } }),
    responses: {
      200: { description: 'Done', content: { [type]: { schema: schemaOf(response, 'output') } } },
      default: {
        description:
          'Not done: 400 bad request, 404 no such thing, 409 in use or taken, 503 datastore away, 504 too slow',
        content: { 'application/json': { schema: schemaOf(errorReply, 'output') } },
      },
    },
  };
}

function parametersOf(where: 'path' | 'query', schema: z.ZodType | undefined): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }));
}

/** Inlined: parsed values (CIDRs, names, rules) show as the strings that are written. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' }) as Json;
  return rest;
}
