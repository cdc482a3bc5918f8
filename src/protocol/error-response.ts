/** Which half of the plugin API a path belongs to; they name their error field differently. */
export type Subsystem = 'Plugin' | 'NetworkDriver' | 'IpamDriver';

/** At status 200 Docker looks at this field alone: `Err` from the IPAM driver would be taken for success. */
export const errorReply = (subsystem: Subsystem, message: string): Readonly<Record<string, string>> =>
  subsystem === 'IpamDriver' ? { Error: message } : { Err: message };

/** At any other status Docker looks for `Err` from both; `Error` is for people and for other clients. */
export const failureReply = (message: string): Readonly<Record<string, string>> => ({ Err: message, Error: message });
