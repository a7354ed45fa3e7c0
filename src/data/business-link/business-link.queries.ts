import type { BatchLoad } from '../../scope/context.ts';
import { direction, loadPages, within } from '../page.ts';
import type { BusinessLink } from './business-link.entity.ts';

/** Pages of where business systems speak of people, by person. */
export const loadBusinessLinks: BatchLoad<BusinessLink[]> = ({ db, scope }, keys) =>
  loadPages<BusinessLink>(
    keys,
    async (people, window) =>
      (await db.query(
        `select parent.id as parent, l.* from unnest($2::uuid[]) as parent (id) cross join lateral (
           select id, user_id as "userId", system, created_at as "createdAt", reference as "sealedReference" from business_links
           where tenant_id = $1 and user_id = parent.id and ${within(window, 'id', 3)} order by id ${direction(window)} limit $5) l`,
        [scope.tenantId, people, window.lower, window.upper, window.limit],
      )) as (BusinessLink & { parent: string })[],
    (row) => row.id,
  );
