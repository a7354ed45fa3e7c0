type Present<T> = { [Name in keyof T]?: NonNullable<T[Name]> };

/** What was given of optional arguments: GraphQL says null where the services say nothing. */
export function optional<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined)) as Present<T>;
}
