import { generateKeyPairSync } from 'node:crypto';
import { createApiKey, revokeApiKey } from '../../src/scope/api-key.service.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import { denyToken } from '../../src/scope/issue-token.ts';
import { ROLES } from '../../src/scope/permissions.ts';
import { openWorld, type World } from '../support/world.ts';
import { forger, type Forger } from './forge.ts';

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const pem = (key: typeof rsa.publicKey): string => key.export({ type: 'spki', format: 'pem' }) as string;

/** Two tenants, and a person in one of the two apps of the first. The limits are out of the way of many refusals. */
export async function openTenants() {
  const world = await openWorld({
    work: false,
    environment: { HABEAS_LIMIT_REFUSALS: '100000000', HABEAS_LIMIT_ADDRESS_RATE: '100000000' },
  });
  const [tenant, other] = [await world.tenant('Ada'), await world.tenant('Ben')];
  const [app, app2] = [await world.app(tenant), await world.app(tenant)];
  await world.ingest(tenant, app, [{ type: 'user', externalId: 'u1' }]);
  return { world, tenant, other, app, app2, user: await world.userId(tenant, app, 'u1') };
}

/** A key with a secret, and what signs with it. */
export async function hmacKey(
  world: World,
  role: 'TENANT_ADMIN' | 'INTEGRATOR' | 'PROVIDER' | 'DATA_SUBJECT',
  of: string,
  appId?: string,
): Promise<[Forger, string, string]> {
  const { kid, secret } = await world.key({ role, tenant: of, ...(appId ? { app: appId } : {}) });
  return [forger(kid, 'HS256', secret), kid, secret];
}

/** The tenant's keys of every other kind: one with RS256, one with ES256, and a revoked one; and a denied token. */
export async function otherKeys(world: World, tenant: string) {
  const { level, permissions } = ROLES.TENANT_ADMIN;
  const made = await inScope(world.system, { ...world.cli, tenantId: tenant }, async (session) => {
    const registered = await createApiKey(session, {
      name: 'rs',
      level,
      permissions,
      algorithm: 'RS256',
      publicKey: pem(rsa.publicKey),
    });
    const curve = await createApiKey(session, {
      name: 'es',
      level,
      permissions,
      algorithm: 'ES256',
      publicKey: pem(ec.publicKey),
    });
    const gone = await createApiKey(session, { name: 'gone', level, permissions });
    await revokeApiKey(session, gone.key.kid);
    await denyToken(session, 'denied-token');
    return { registered, curve, gone };
  });
  const [rsKid, esKid] = [made.registered.key.kid, made.curve.key.kid];
  return {
    rsKid,
    esKid,
    rs: forger(rsKid, 'RS256', rsa.privateKey),
    es: forger(esKid, 'ES256', ec.privateKey),
    revoked: forger(made.gone.key.kid, 'HS256', made.gone.secret!),
  };
}
