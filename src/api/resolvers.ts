import { AppCreateResolver } from '../data/app/app-create.resolver.ts';
import { TenantCreateResolver } from '../data/tenant/tenant-create.resolver.ts';
import { UserResolver } from '../data/user/user.resolver.ts';
import { IngestResolver } from '../intake/ingest.resolver.ts';
import { ApiKeyResolver } from '../scope/api-key.resolver.ts';
import { TokenResolver } from '../scope/token.resolver.ts';

/** Every resolver of the schema. */
export const RESOLVERS = [IngestResolver, ApiKeyResolver, TokenResolver, TenantCreateResolver, AppCreateResolver, UserResolver] as const;
