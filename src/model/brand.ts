declare const brand: unique symbol;

/** A value of type `T` that only the parser of `Name` hands out, so two kinds of string cannot be swapped. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
