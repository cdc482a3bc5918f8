/** Which half of the plugin API a path belongs to; they name their error field differently. */
export type Subsystem = 'Plugin' | 'NetworkDriver' | 'IpamDriver';

/** Longest error that Docker is told, in characters: what a command line can show of a mistake. */
const MAX_MESSAGE_LENGTH = 1_000;

/** One line of bounded length, whatever the request had in it that the message repeats. */
function oneLine(message: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not reach a terminal
  const line = message.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]+/g, ' ');
  return line.length <= MAX_MESSAGE_LENGTH ? line : `${line.slice(0, MAX_MESSAGE_LENGTH)}...`;
}

/** At status 200 Docker looks at this field alone: `Err` from the IPAM driver would be taken for success. */
export const errorReply = (subsystem: Subsystem, message: string): Readonly<Record<string, string>> =>
  subsystem === 'IpamDriver' ? { Error: oneLine(message) } : { Err: oneLine(message) };

/** At any other status Docker looks for `Err` from both; `Error` is for people and for other clients. */
export const failureReply = (message: string): Readonly<Record<string, string>> => ({
  Err: oneLine(message),
  Error: oneLine(message),
});
