import type { Session } from './in-scope.ts';

/** The names under which a token may be denied: by its tenant, or by its app, whose token must not be able to deny another app's. */
export const deniedAs = (appId: string | undefined, jti: string): string[] => (appId ? [jti, `${appId} ${jti}`] : [jti]);

/** Whether a token of the session's tenant is denied by any of these names. */
export async function isDenied({ db, scope }: Session, names: readonly string[]): Promise<boolean> {
  const rows = (await db.query('select 1 from denied_tokens where tenant_id = $1 and jti = any ($2)', [
    scope.tenantId,
    names,
  ])) as unknown[];
  return rows.length > 0;
}
