import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import * as z from 'zod';
import { DRY_RUN, TakesQuery } from '../http/query';

type Schema = Record<string, unknown>;

/** The header of every change. */
export const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  required: false,
  description: 'Makes repeating the request harmless.',
};

export const ref = (name: string): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });

/** JSON Schema of a zod schema as its writers see it. */
export const schemaOf = (schema: z.ZodType): Schema => {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
};

/** A body that is a small JSON object with a schema of its own. */
export const DescribeBody = (summary: string, schema: z.ZodType) =>
  applyDecorators(ApiOperation({ summary }), ApiConsumes('application/json'), ApiBody({ schema: schemaOf(schema) }));

/** A body that is a file of objects. */
export const DescribeFile = (summary: string, options: { plan?: boolean } = {}) =>
  applyDecorators(
    ApiOperation({ summary }),
    ApiConsumes('application/yaml', 'application/json'),
    ApiBody({ schema: ref('Objects'), description: 'YAML documents, a JSON object, or a JSON list of objects.' }),
    ApiOkResponse({ schema: ref(options.plan ? 'Plan' : 'ChangeAnswer') }),
    ...(options.plan ? [] : [TakesQuery({ dryRun: DRY_RUN }), ApiHeader(IDEMPOTENCY_KEY)]),
  );

/** An action on one service. */
export const DescribeService = (summary: string, body?: z.ZodType) =>
  applyDecorators(
    ApiOperation({ summary }),
    TakesQuery({ dryRun: DRY_RUN }),
    ApiHeader(IDEMPOTENCY_KEY),
    ApiOkResponse({ schema: ref('ChangeAnswer') }),
    ...(body ? [ApiConsumes('application/json'), ApiBody({ schema: schemaOf(body) })] : []),
  );
