import { FakeFiles, HashedFile } from '@heddle/host';
import { JOURNAL_FILE, openJournal } from '../testing/attach';
import { EMPTY_JOURNAL, Journal, type JournalState } from './journal';

const fileOf = (files: FakeFiles) => new HashedFile<JournalState>(files, JOURNAL_FILE, (json) => json as JournalState);

describe('the journal of the attach daemon', () => {
  it('is empty on a new host', async () => {
    const journal = await Journal.open(fileOf(new FakeFiles()));
    expect(journal.state).toEqual(EMPTY_JOURNAL);
  });

  it('is on the disk when a change resolves, and is read back by the next run', async () => {
    const { journal, files } = await openJournal();
    await journal.putNetwork('n1', { bridgeDomain: 'acme/default' });
    const again = await Journal.open(fileOf(files));
    expect(again.state.networks).toEqual({ n1: { bridgeDomain: 'acme/default' } });
  });

  it('is not believed when it is damaged: the daemon does not start on it', async () => {
    const { files } = await openJournal();
    const text = (await files.readText(JOURNAL_FILE)) as string;
    await files.writeAtomic(JOURNAL_FILE, text.replace('1450', '1451'));
    await expect(Journal.open(fileOf(files))).rejects.toMatchObject({
      code: 'state',
      message: expect.stringMatching(/attach\.journal.*move it away/),
    });
  });

  it('lets every change see the ones before it, and saves them all', async () => {
    const { journal, files } = await openJournal();
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => journal.putNetwork(`n${i}`, { bridgeDomain: 'acme/default' })),
    );
    expect(Object.keys((await Journal.open(fileOf(files))).state.networks)).toHaveLength(50);
  });

  it('writes nothing for a change that changes nothing', async () => {
    const { journal, files } = await openJournal();
    files.writeError = new Error('disk full');
    await journal.removeNetwork('unknown');
    await journal.removeEndpoint('unknown');
    await journal.update((state) => state);
  });

  it('tells of a full disk, and writes what was missed with the next change', async () => {
    const { journal, files } = await openJournal();
    files.writeError = new Error('disk full');
    await expect(journal.putNetwork('n1', { bridgeDomain: 'acme/default' })).rejects.toThrow('disk full');
    delete files.writeError;
    await journal.putNetwork('n2', { bridgeDomain: 'acme/default' });
    expect(Object.keys((await Journal.open(fileOf(files))).state.networks)).toEqual(['n1', 'n2']);
  });
});
