import { UserResolver } from '../data/user/user.resolver.ts';

/** Every resolver of the schema. */
export const RESOLVERS = [UserResolver] as const;
