import { recordAct } from '../audit/act.ts';
import type { System } from '../system.ts';
import { createApiKey } from './api-key.service.ts';
import { inScope } from './in-scope.ts';
import { ALL_PERMISSIONS, ROLES } from './permissions.ts';
import { PROVIDER_TENANT } from './scope.ts';

/** The key of which the demo hands out a token. It is no first key: whoever starts the server after the demo is shown one of their own. */
export const DEMO_PROVIDER = 'demo PROVIDER';

/** Makes the provider's first key where it never had one, in one of the processes that start at once. The secret is answered this once. */
export async function ensureProviderKey(system: System): Promise<{ kid: string; secret: string } | undefined> {
  const scope = {
    level: 'provider',
    tenantId: PROVIDER_TENANT,
    permissions: new Set(ALL_PERMISSIONS),
    keyId: 'system',
    requestId: 'first start',
  } as const;
  return inScope(system, scope, async (session) => {
    await session.db.query('select 1 from tenants where tenant_id = $1 for update', [PROVIDER_TENANT]);
    const [any] = (await session.db.query(
      `select 1 from api_keys where tenant_id = $1 and level = 'provider' and name <> $2 limit 1`,
      [PROVIDER_TENANT, DEMO_PROVIDER],
    )) as unknown[];
    if (any) return undefined;
    const { key, secret } = await createApiKey(session, {
      name: 'first start',
      level: 'provider',
      permissions: ROLES.PROVIDER.permissions,
    });
    await recordAct(session, 'key.created', { key: key.kid, level: key.level });
    return { kid: key.kid, secret: secret! };
  });
}
