import { permissionsFor } from '@heddle/messaging';
import { externalBroker } from './broker-users';

describe('externalBroker', () => {
  it('says which permissions the user of a host needs, as the server reads them', async () => {
    const error = await externalBroker.createForHost('h1').catch((e: unknown) => e as Error);
    const { message } = error as Error;
    expect(error).toMatchObject({ code: 'refused' });
    const [, permissions = ''] = /permissions: (.*);/.exec(message) ?? [];
    expect(JSON.parse(permissions)).toEqual(permissionsFor({ host: 'h1' }));
  });
});
