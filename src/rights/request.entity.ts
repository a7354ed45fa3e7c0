import { Field, GraphQLISODateTime, ID, Int, ObjectType, registerEnumType } from 'type-graphql';

export enum RequestType {
  ACCESS = 'ACCESS',
  RECTIFICATION = 'RECTIFICATION',
  ERASURE = 'ERASURE',
  RESTRICTION = 'RESTRICTION',
  PORTABILITY = 'PORTABILITY',
  OBJECTION = 'OBJECTION',
  APP_EXPORT = 'APP_EXPORT',
}
registerEnumType(RequestType, {
  name: 'RequestType',
  description: 'The right a request invokes (GDPR Art. 15 to 21); APP_EXPORT is a copy of a whole app.',
});

export enum RequestStatus {
  RECEIVED = 'RECEIVED',
  AWAITING_IDENTITY = 'AWAITING_IDENTITY',
  READY = 'READY',
  SCHEDULED = 'SCHEDULED',
  RUNNING = 'RUNNING',
  COMPLETED = 'COMPLETED',
  PARTIALLY_COMPLETED = 'PARTIALLY_COMPLETED',
  REFUSED = 'REFUSED',
  CANCELLED = 'CANCELLED',
  FAILED = 'FAILED',
}
registerEnumType(RequestStatus, {
  name: 'RequestStatus',
  description: 'Where a request stands. RECEIVED to RUNNING are open; the rest are final.',
});

export enum RequestTarget {
  USER = 'USER',
  CONVERSATION = 'CONVERSATION',
  MESSAGE = 'MESSAGE',
  APP = 'APP',
  TENANT = 'TENANT',
}
registerEnumType(RequestTarget, { name: 'RequestTarget', description: 'What a request is about.' });

@ObjectType({ description: 'How many of something, by name.' })
export class NamedCount {
  @Field({ description: 'What is counted: a category of data, or a kind of finding.' })
  name!: string;
  @Field(() => Int, { description: 'How many.' })
  count!: number;
}

export const namedCounts = (counts: Readonly<Record<string, number>>): NamedCount[] =>
  Object.entries(counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => ({ name, count }));

/** A row of `requests`: a request under a data-subject right, its clock, its progress and its outcome. */
@ObjectType({ description: 'A request under a data-subject right: what was asked, where it stands, what came of it.' })
export class RightsRequest {
  tenantId!: string;
  appId!: string | null;
  options!: Record<string, unknown>;
  stage!: string | null;

  @Field(() => ID, { description: 'UUID of the request.' })
  id!: string;
  @Field(() => RequestType, { description: 'The right it invokes.' })
  type!: RequestType;
  @Field(() => RequestTarget, { description: 'What it is about.' })
  target!: RequestTarget;
  @Field(() => ID, { description: 'UUID of what it is about; kept after an erasure, when it points at nothing any more.' })
  targetId!: string;
  @Field(() => ID, { nullable: true, description: 'The data subject, where it is about one person.' })
  subjectId!: string | null;
  @Field(() => RequestStatus, { description: 'Where it stands.' })
  status!: RequestStatus;
  @Field(() => String, { nullable: true, description: 'The ground it was asked on (for an erasure, Art. 17(1)).' })
  ground!: string | null;
  @Field(() => Int, { description: 'Progress: how many rows are done.' })
  done!: number;
  @Field(() => Int, { nullable: true, description: 'Progress: how many rows there are in all, once that is known.' })
  total!: number | null;
  /** Shown as `counts` by the resolver. */
  counts!: Record<string, number>;
  @Field(() => String, { nullable: true, description: 'Why it failed, where it did.' })
  error!: string | null;
  @Field(() => GraphQLISODateTime, { description: 'When it was received: the clock of Art. 12(3) starts here.' })
  receivedAt!: Date;
  @Field(() => GraphQLISODateTime, {
    description: 'When it must be answered: one calendar month later (Art. 12(3)), rolled past a weekend (Regulation 1182/71).',
  })
  dueAt!: Date;
  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'For an erasure: since when nobody can read the data any more.',
  })
  unreadableAt!: Date | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it came to its end.' })
  completedAt!: Date | null;
  @Field({ description: 'The key, and the subject of the token, that asked.' })
  requestedBy!: string;
}
