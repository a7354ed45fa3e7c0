import type { Session } from '../../scope/in-scope.ts';
import { direction, within, type Window } from '../page.ts';
import type { DeliveryRecord } from './delivery.entity.ts';

export async function pageOfDeliveries({ db, scope }: Session, userId: string, window: Window): Promise<DeliveryRecord[]> {
  return (await db.query(
    `select id, external_id as "externalId", user_id as "userId", message_id as "messageId", channel, status, at, source as "sealedSource", destination as "sealedDestination"
     from delivery_records where tenant_id = $1 and user_id = $2 and ${within(window, 'id', 3)} order by id ${direction(window)} limit $5`,
    [scope.tenantId, userId, window.lower, window.upper, window.limit],
  )) as DeliveryRecord[];
}
