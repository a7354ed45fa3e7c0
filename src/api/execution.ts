import { getArgumentValues, GraphQLError, locatedError, type ExecutionResult, type GraphQLResolveInfo } from 'graphql';
import type { Plan, PlannedField, Shape } from './plan.ts';

type Values = Readonly<Record<string, unknown>>;

/** One execution of a plan. */
interface Run {
  plan: Plan;
  context: unknown;
  variables: Values;
  /** The arguments that depend on variables, by the index of their field. */
  args: (Values | undefined)[];
  errors: GraphQLError[];
  finish: (data: Values | null) => void;
}

/** An object or a list that is being made, and where in the answer it stands. */
interface Frame {
  up: Frame | undefined;
  key: string | number;
  nonNull: boolean;
  value: Record<string | number, unknown>;
  /** What is not known yet of it; one more while its entries are gone through. */
  pending: number;
  going: boolean;
  /** Whether the frame above waits for it. */
  awaited: boolean;
  /** Null stands in its place, or in that of something above. */
  dead: boolean;
  /** Why it will be null, once those of its fields have ended that were begun. */
  failure: { error: GraphQLError } | undefined;
}

/**
 * Executes a plan as section 6 of the specification says, and answers what graphql's own `execute` does, for half of the work: of each field it knows
 * beforehand its type, its arguments and its key, a promise is made for nothing but what a resolver promises, and objects of one kind have one form.
 */
export function executePlan(plan: Plan, context: unknown, variables: Values): Promise<ExecutionResult> {
  return new Promise((resolve) => {
    const errors: GraphQLError[] = [];
    const finish = (data: Values | null): void => resolve(errors.length ? { errors, data } : { data });
    const run: Run = { plan, context, variables, args: [], errors, finish };
    putObject(run, undefined, '', plan.root, undefined);
  });
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';

function frame(up: Frame | undefined, key: string | number, nonNull: boolean, value: Frame['value']): Frame {
  return { up, key, nonNull, value, pending: 1, going: true, awaited: false, dead: false, failure: undefined };
}

function putObject(
  run: Run,
  up: Frame | undefined,
  key: string | number,
  shape: Shape & { kind: 'object' },
  source: unknown,
): void {
  const value: Frame['value'] = { ...shape.blank };
  const at = frame(up, key, shape.nonNull, value);
  if (up) up.value[key] = value;
  for (const field of shape.fields) {
    putField(run, at, field, source);
    if (at.failure) break;
  }
  settle(run, at);
}

function putField(run: Run, at: Frame, field: PlannedField, source: unknown): void {
  let result: unknown;
  try {
    result = resolved(run, at, field, source);
  } catch (error) {
    return fail(run, at, field.key, field.shape.nonNull, field, error);
  }
  if (isPromise(result)) putLater(run, at, field.key, field.shape, field, result);
  else put(run, at, field.key, field.shape, field, result);
}

function resolved(run: Run, at: Frame, field: PlannedField, source: unknown): unknown {
  const args = field.args ?? (run.args[field.index] ??= getArgumentValues(field.definition, field.nodes[0]!, run.variables));
  const { resolve, name } = field.definition;
  if (resolve) return resolve(source, args, run.context, resolve.length > 3 ? infoOf(run, at, field) : (undefined as never));
  const property = (source as Values | null | undefined)?.[name];
  return typeof property === 'function' ? property.call(source, args, run.context, infoOf(run, at, field)) : property;
}

function putLater(
  run: Run,
  at: Frame,
  key: string | number,
  shape: Shape,
  field: PlannedField,
  result: PromiseLike<unknown>,
): void {
  at.pending += 1;
  at.value[key] = null;
  result.then(
    (value) => {
      if (isDead(at)) return forget(value);
      put(run, at, key, shape, field, value);
      done(run, at);
    },
    (error: unknown) => {
      if (isDead(at)) return;
      fail(run, at, key, shape.nonNull, field, error);
      done(run, at);
    },
  );
}

function put(run: Run, at: Frame, key: string | number, shape: Shape, field: PlannedField, value: unknown): void {
  try {
    if (value instanceof Error) throw value;
    if (value === null || value === undefined) {
      if (shape.nonNull)
        throw new Error(`Cannot return null for non-nullable field ${field.parent.name}.${field.definition.name}.`);
      at.value[key] = null;
    } else if (shape.kind === 'leaf') {
      const leaf = shape.type.serialize(value);
      if (leaf === null || leaf === undefined)
        throw new Error(`Expected \`${shape.type.name}.serialize\` to return a non-nullable value, returned: ${String(leaf)}`);
      at.value[key] = leaf;
    } else if (shape.kind === 'object') putObject(run, at, key, shape, value);
    else putList(run, at, key, shape, field, value);
  } catch (error) {
    fail(run, at, key, shape.nonNull, field, error);
  }
}

function putList(
  run: Run,
  up: Frame,
  key: string | number,
  { nonNull, item }: Shape & { kind: 'list' },
  field: PlannedField,
  items: unknown,
): void {
  if (typeof items !== 'object' || !items || !(Symbol.iterator in items))
    throw new GraphQLError(`Expected Iterable, but did not find one for field "${field.parent.name}.${field.definition.name}".`);
  const values: unknown[] = [];
  const at = frame(up, key, nonNull, values as unknown as Frame['value']);
  up.value[key] = values;
  let index = 0;
  for (const value of items as Iterable<unknown>) {
    if (isPromise(value)) putLater(run, at, index, item, field, value);
    else put(run, at, index, item, field, value);
    if (at.dead) return forget(items);
    index += 1;
  }
  settle(run, at);
}

/** Its entries have been gone through: the frame above waits for those that are not known yet. */
function settle(run: Run, at: Frame): void {
  at.going = false;
  at.pending -= 1;
  if (at.pending === 0) return end(run, at);
  if (!at.up) return;
  at.awaited = true;
  at.up.pending += 1;
}

/** One of those things is known that a frame waited for. */
function done(run: Run, at: Frame): void {
  at.pending -= 1;
  if (at.pending === 0 && !at.dead) end(run, at);
}

function end(run: Run, at: Frame): void {
  if (at.failure) kill(run, at, at.failure.error);
  else if (!at.up) run.finish(at.value);
  else if (at.awaited) done(run, at.up);
}

/** A field, or an item of a list, is an error: null stands in its place, or where it may not, in that of what it stands in. */
function fail(run: Run, at: Frame, key: string | number, nonNull: boolean, field: PlannedField, raw: unknown): void {
  const error = locatedError(raw, field.nodes, [...pathOf(at), key]);
  failAt(run, at, key, nonNull, error);
}

function failAt(run: Run, at: Frame, key: string | number, nonNull: boolean, error: GraphQLError): void {
  if (!nonNull) {
    at.value[key] = null;
    if (!isDead(at)) run.errors.push(error);
  } else if (at.going && !Array.isArray(at.value)) at.failure = { error };
  else kill(run, at, error);
}

function kill(run: Run, at: Frame, error: GraphQLError): void {
  at.dead = true;
  if (at.up) {
    failAt(run, at.up, at.key, at.nonNull, at.failure?.error ?? error);
    if (at.awaited) done(run, at.up);
    return;
  }
  run.errors.push(at.failure?.error ?? error);
  run.finish(null);
}

function isDead(at: Frame): boolean {
  for (let one: Frame | undefined = at; one; one = one.up) if (one.dead) return true;
  return false;
}

/** What is not put into an answer is not waited for; if it fails, nobody hears of it, and it must not end the process. */
function forget(value: unknown): void {
  if (isPromise(value)) value.then(undefined, () => undefined);
  else if (Array.isArray(value)) value.forEach(forget);
}

function pathOf(at: Frame): (string | number)[] {
  return at.up ? [...pathOf(at.up), at.key] : [];
}

function infoOf({ plan, variables }: Run, at: Frame, { key, nodes, definition, parent }: PlannedField): GraphQLResolveInfo {
  const steps = [...pathOf(at), key];
  return {
    fieldName: definition.name,
    fieldNodes: nodes,
    returnType: definition.type,
    parentType: parent,
    path: steps.reduce<GraphQLResolveInfo['path'] | undefined>(
      (prev, step) => ({ prev, key: step, typename: undefined }),
      undefined,
    )!,
    schema: plan.schema,
    fragments: plan.fragments,
    rootValue: undefined,
    operation: plan.operation,
    variableValues: variables as Record<string, unknown>,
  };
}
