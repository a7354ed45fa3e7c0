import type { BatchLoad } from '../../scope/context.ts';
import type { BusinessLink } from './business-link.entity.ts';

/** Where business systems speak of people, by person. */
export const loadBusinessLinks: BatchLoad<BusinessLink[]> = async ({ db, scope }, ids) => {
  const rows = (await db.query(
    'select id, user_id as "userId", system, created_at as "createdAt", reference as "sealedReference" from business_links where tenant_id = $1 and user_id = any ($2) order by system, id',
    [scope.tenantId, ids],
  )) as BusinessLink[];
  const lists = new Map<string, BusinessLink[]>(ids.map((id) => [id, []]));
  for (const row of rows) lists.get(row.userId)?.push(row);
  return ids.map((id) => lists.get(id));
};
