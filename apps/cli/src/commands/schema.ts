import { jsonSchema, jsonSchemaOf } from '@heddle/model';
import { kindNamed } from '../objects/paths';
import { dataText } from '../render/output';
import type { Register } from './command';

export const registerSchema: Register = (program, run) => {
  program
    .command('schema')
    .description('print the JSON Schema of a file of objects, or of one kind, for editors')
    .argument('[KIND]', 'kind')
    .action(
      run(async (session, kind: string | undefined) => {
        const schema = kind === undefined ? jsonSchema() : jsonSchemaOf(kindNamed(kind));
        session.environment.terminal.write(dataText(schema, 'json'));
      }),
    );
};
