import { rowLines, tableLines } from './table';

const red = (text: string): string => `<red>${text}</red>`;

describe('tableLines', () => {
  it('aligns columns by their widest cell and leaves no blanks at the ends', () => {
    expect(tableLines(['NAME', 'N', 'NOTE'], [['acme/shop/web', '3', ''], ['x', '12', 'late']])).toEqual([
      'NAME           N   NOTE',
      'acme/shop/web  3',
      'x              12  late',
    ]); // prettier-ignore
  });

  it('measures the text of a painted cell, not its paint', () => {
    expect(
      rowLines([
        [{ text: 'lost', paint: red }, 'h1'],
        ['running', 'h2'],
      ]),
    ).toEqual(['<red>lost   </red>  h1', 'running  h2']);
  });

  it('cuts the last cell to the width of the terminal', () => {
    const [line = ''] = rowLines([['web', 'a reason that is much too long']], 20);
    expect(line).toBe('web  a reason that …');
    expect(line).toHaveLength(20);
  });

  it('lets a line wrap where there is hardly any room', () => {
    expect(rowLines([['a long first cell', 'a reason']], 20)).toEqual(['a long first cell  a reason']);
  });
});
