import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOkResponse, ApiOperation, ApiQuery } from '@nestjs/swagger';
import * as z from 'zod';

type Schema = Record<string, unknown>;

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
export const DescribeFile = (summary: string, options: { dryRun?: boolean; plan?: boolean }) =>
  applyDecorators(
    ApiOperation({ summary }),
    ApiConsumes('application/yaml', 'application/json'),
    ApiBody({ schema: ref('Objects'), description: 'YAML documents, a JSON object, or a JSON list of objects.' }),
    ApiOkResponse({ schema: ref(options.plan ? 'Plan' : 'ChangeAnswer') }),
    ...(options.dryRun
      ? [
          ApiQuery({ name: 'dryRun', required: false, description: 'Check and plan only.' }),
          ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Makes repeating the request harmless.' }),
        ]
      : []),
  );

/** An action on one service. */
export const DescribeService = (summary: string, body?: z.ZodType) =>
  applyDecorators(
    ApiOperation({ summary }),
    ApiOkResponse({ schema: ref('ChangeAnswer') }),
    ...(body ? [ApiConsumes('application/json'), ApiBody({ schema: schemaOf(body) })] : []),
  );
