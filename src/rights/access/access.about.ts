import { enterOwnRows } from '../../data/own-rows.ts';
import type { Held } from '../package/held.ts';
import { type Walk } from '../package/walk.ts';

const RIGHTS = [
  { article: '15', right: 'Access: a copy of the data and facts about its processing.' },
  { article: '16', right: 'Rectification: correction of what is wrong, completion of what is incomplete.' },
  { article: '17', right: 'Erasure.' },
  { article: '18', right: 'Restriction of processing.' },
  { article: '20', right: 'Portability: the data in a machine-readable format, also to somebody else.' },
  { article: '21', right: 'Objection to processing, to direct marketing at any time.' },
  { article: '77', right: 'A complaint with a supervisory authority.' },
];

/** The facts of Art. 15(1) that follow from what is held: nothing is claimed that was not computed. */
export async function aboutProcessing(walk: Walk, held: readonly Held[]): Promise<object> {
  const { systems, channels, restrictedAt } = await walk.read(async (session) => {
    await enterOwnRows(session);
    const parameters = [session.scope.tenantId, walk.subjectId];
    const names = async (sql: string): Promise<string[]> =>
      ((await session.db.query(sql, parameters)) as { name: string }[]).map(({ name }) => name);
    const [user] = (await session.db.query(
      'select restricted_at as "restrictedAt" from users where tenant_id = $1 and id = $2',
      parameters,
    )) as { restrictedAt: Date | null }[];
    return {
      systems: await names('select distinct system as name from business_links where tenant_id = $1 and user_id = $2 order by 1'),
      channels: await names(
        'select distinct channel as name from channel_identities where tenant_id = $1 and user_id = $2 order by 1',
      ),
      restrictedAt: user?.restrictedAt ?? null,
    };
  });
  return {
    categories: held,
    recipients: { businessSystems: systems, channels },
    source: 'The messaging platform that the person uses, as its operator fed it in.',
    restrictedAt: restrictedAt?.toISOString() ?? null,
    rights: RIGHTS,
  };
}
