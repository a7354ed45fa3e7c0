import { Arg, Authorized, Ctx, Field, ID, Int, Mutation, ObjectType, Resolver } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { recordAct } from '../audit/act.ts';
import { JsonScalar } from '../data/json.scalar.ts';
import { Refusal } from '../errors.ts';
import type { Context } from '../scope/context.ts';
import type { Permission } from '../scope/permissions.ts';
import type { Scope } from '../scope/scope.ts';
import type { AnyItem } from './batch.ts';
import { IngestCount, tabulate } from './ingest-outcome.ts';
import { ingest, ingestWhole } from './ingest.service.ts';
import { parseRecord } from './parse-record.ts';

/** Records one call may hold. */
const RECORDS_A_CALL = 1_000;

@ObjectType({ description: 'A record that was not taken over, and why.' })
export class IngestSkip {
  @Field(() => Int, { description: 'The index of the record in the batch, from 0.' })
  index!: number;

  @Field(() => String, {
    description: 'What of it was skipped: the type of the record, or the part of it (`reaction`, `attachment`, `participant`).',
  })
  what!: string;

  @Field(() => String, { description: 'Why, without any value of the record.' })
  reason!: string;
}

@ObjectType({ description: 'What became of a batch.' })
export class IngestOutcome {
  @Field(() => [IngestCount], {
    description: 'How many of each kind were created, updated or found unchanged; kinds without any are left out.',
  })
  counts!: IngestCount[];

  @Field(() => [IngestSkip], {
    description:
      'What was not taken over, in the order of the batch: people who were erased and whatever names them, conversations that were erased, and changes of messages that are not held.',
  })
  skipped!: IngestSkip[];
}

@Resolver()
export class IngestResolver {
  @Authorized<Permission>('data:write')
  @Mutation(() => IngestOutcome, {
    description:
      'Feeds people, conversations, messages, edits, deletions, reactions, calls, delivery records and business links in, whole or not at all. Everything is known by its external id, so the same batch again changes nothing; a later edit wins over an earlier one, whichever comes first. Errors: INVALID_INPUT names the record and the field that is malformed, or that names somebody or a conversation neither held nor in the batch; NOT_FOUND where the app is not in the scope of the token.',
  })
  async ingest(
    @Arg('records', () => [JsonScalar], {
      description:
        'At most 1,000 records of the native format, as `docs/ndjson.md` describes them, in any order. Content of attachments is not taken here.',
    })
    records: unknown[],
    @Arg('appId', () => ID, { nullable: true, description: 'The app; may be left out by a token of one app.' })
    appId: string | undefined,
    @Ctx() { request }: Context,
  ): Promise<IngestOutcome> {
    const { scope, system } = request;
    const app = appOf(scope, appId);
    const items = parseRecords(records);
    const ingested = await ingestWhole(
      system,
      scope,
      (act) => request.inScope(act),
      async (session) => {
        const done = await ingest(session, app, items, { strict: true });
        await recordAct(session, 'data.ingested', {
          app,
          records: items.length,
          counts: Object.fromEntries(done.counts),
          skipped: done.skips.length,
        });
        return done;
      },
    );
    return { counts: tabulate(ingested.counts), skipped: ingested.skips };
  }
}

/** The app to feed: another one than the token's is out of its scope, as one that does not exist is. */
function appOf(scope: Scope, appId: string | undefined): string {
  const app = appId ?? scope.appId;
  if (app === undefined) throw new Refusal('INVALID_INPUT', 'appId: needed, since the token is not one of an app.');
  if (!isUuid(app) || (scope.appId && scope.appId !== app.toLowerCase()))
    throw new Refusal('NOT_FOUND', 'No such app in the scope of this token.');
  return app.toLowerCase();
}

function parseRecords(records: readonly unknown[]): AnyItem[] {
  if (records.length > RECORDS_A_CALL)
    throw new Refusal('LIMIT_EXCEEDED', `records: ${records.length}; the limit is ${RECORDS_A_CALL} a call.`);
  return records.map((raw, index) => {
    const parsed = parseRecord(raw);
    if ('problem' in parsed)
      throw new Refusal('INVALID_INPUT', `records[${index}].${parsed.problem}. Nothing of the batch was taken over.`);
    return { index, record: parsed.record };
  });
}
