import {
  execute,
  getVariableValues,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { executePlan } from './execution.ts';
import { planOf } from './plan.ts';

/** Executes an operation of a validated document: queries by their plan, whatever has none as graphql itself does. */
export function executeOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode | undefined,
  request: { operationName?: string | null; variables?: Record<string, unknown> },
  contextValue: unknown,
): ExecutionResult | Promise<ExecutionResult> {
  const plan = operation && planOf(schema, document, operation);
  // Of variables that are none, graphql itself says what is wrong: one such error is enough to know.
  const { coerced } = plan
    ? getVariableValues(schema, operation.variableDefinitions ?? [], request.variables ?? {}, { maxErrors: 1 })
    : {};
  if (plan && coerced) return executePlan(plan, contextValue, coerced);
  return execute({ schema, document, contextValue, variableValues: request.variables, operationName: request.operationName });
}
