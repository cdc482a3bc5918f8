import { type DestinationStream, destination, type Logger as Pino, pino, stdTimeFunctions } from 'pino';
import type { Logger } from '../effects/logger.js';
import { describeError } from '../model/errors.js';

export interface LoggerOptions {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** `auto`: pretty where standard error is a terminal. */
  readonly format: 'auto' | 'json' | 'pretty';
}

const STDERR = 2;

/**
 * Lines on standard error, written before the call returns, so that the last words of a dying process are there.
 * JSON with ISO times and level names; pino-pretty is loaded only where it is used.
 *
 * A field named `error` or `err` may hold anything thrown: it is written as one text with its causes.
 */
export async function createLogger({ level, format }: LoggerOptions): Promise<Logger> {
  const pretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  return loggerTo(pretty ? await prettyStream() : destination({ dest: STDERR, sync: true }), level);
}

/** The same to any stream. */
export function loggerTo(stream: DestinationStream, level: LoggerOptions['level']): Logger {
  return wrap(
    pino(
      {
        level,
        base: null,
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { error: errorText, err: errorText },
      },
      stream,
    ),
  );
}

async function prettyStream(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({ destination: STDERR, sync: true, colorize: process.stderr.isTTY, translateTime: 'SYS:HH:MM:ss.l' });
}

const errorText = (value: unknown): unknown => (value instanceof Error ? describeError(value) : value);

function wrap(target: Pino): Logger {
  return {
    error: (fields, message) => target.error(fields, message),
    warn: (fields, message) => target.warn(fields, message),
    info: (fields, message) => target.info(fields, message),
    debug: (fields, message) => target.debug(fields, message),
    child: (fields) => wrap(target.child(fields)),
  };
}
