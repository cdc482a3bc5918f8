import { z } from 'zod';
import { errorReply } from './error-reply.js';
import type { AnyRoute } from './route.js';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of these routes, made from the same values that parse and answer requests. */
export function openApiDocument(routes: readonly AnyRoute[], version: string): Json {
  const paths: Record<string, Json> = {};
  const schemas: Json = {};
  for (const route of routes) {
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method]: operation(route, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Corduroy admin API',
      version,
      description: 'Served on a unix socket that only root may use. Every error is {error, remedy}.',
    },
    paths,
    components: { schemas },
  };
}

/** `/pools/:pool` -> `/pools/{pool}`. */
export const openApiPath = (path: string): string => path.replace(/:(\w+)/g, '{$1}');

function operation({ summary, tag, method, path, params, query, body, response, text }: AnyRoute, schemas: Json): Json {
  const schema = (type: z.ZodType, io: 'input' | 'output'): Json => schemaOf(type, io, schemas);
  const type = text === undefined ? 'application/json' : (text.split(';')[0] ?? text);
  return {
    operationId: `${method} ${openApiPath(path)}`,
    tags: [tag],
    summary,
    parameters: [...parametersOf('path', params, schemas), ...parametersOf('query', query, schemas)],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: schema(body, 'input') } } } }),
    responses: {
      200: { description: 'Done', content: { [type]: { schema: schema(response, 'output') } } },
      default: {
        description:
          'Not done: 400 bad request, 404 no such thing, 409 in use or taken, 503 datastore away, 504 too slow',
        content: { 'application/json': { schema: schema(errorReply, 'output') } },
      },
    },
  };
}

function parametersOf(where: 'path' | 'query', schema: z.ZodType | undefined, schemas: Json): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input', schemas) as {
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

/** Parsed values (CIDRs, names, rules) show as the strings that are written; named schemas are collected in `schemas`. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  const json = JSON.stringify(z.toJSONSchema(schema, { io, unrepresentable: 'any' }));
  const { $schema: _, $defs, ...rest } = JSON.parse(json.replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
  Object.assign(schemas, $defs);
  return rest;
}
