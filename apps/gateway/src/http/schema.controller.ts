import { findKind, HeddleError, jsonSchema, jsonSchemaOf, KINDS } from '@heddle/model';
import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';

/** JSON Schema of the objects, for editors. */
@ApiTags('schema')
@Controller('api/v1/schema')
export class SchemaController {
  @Get()
  @ApiOperation({ summary: 'JSON Schema of a file that may hold any kind' })
  all(): Record<string, unknown> {
    return jsonSchema();
  }

  @Get(':kind')
  @ApiOperation({ summary: 'JSON Schema of one kind' })
  one(@Param('kind') word: string): Record<string, unknown> {
    const kind = findKind(word);
    if (!kind)
      throw new HeddleError(
        'not-found',
        `there is no kind "${word}"; there are ${KINDS.map((k) => k.kind).join(', ')}`,
      );
    return jsonSchemaOf(kind);
  }
}
