/** Those that are wanted, one by one: for a look at hundreds of thousands, of which only the few that fit may take room. */
export function* filtered<T>(items: Iterable<T>, isWanted: (item: T) => boolean): Generator<T> {
  for (const item of items) if (isWanted(item)) yield item;
}
