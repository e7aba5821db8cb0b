import type { HeddleObject } from '@heddle/model';
import { EMPTY_IDS, assignIds, compile, indexPolicy, verdict, type FirstPacket } from '@heddle/policy-engine';
import type { Because } from './oracle';
import { decide } from './oracle';
import { Random, randomPacket, randomPolicy } from './testing/random-policy';

const POLICIES = Number(process.env['HEDDLE_ORACLE_POLICIES'] ?? 2000);
const SEED = Number(process.env['HEDDLE_TEST_SEED'] ?? 20261124);
const PACKETS = 20;

/** Each policy has a seed of its own, so that one that disagrees can be drawn again by itself. */
function disagreements(index: number, seen: Map<Because, number>): string[] {
  const random = new Random(SEED + index);
  const { objects, epgs } = randomPolicy(random);
  const state = objects as unknown as HeddleObject[];
  const policy = indexPolicy(compile(state, assignIds(EMPTY_IDS, state)));
  const found: string[] = [];
  for (let i = 0; i < PACKETS; i++) {
    const source = random.pick(epgs);
    const destination = random.once(40) ? 'acme/shop/none' : random.pick(epgs);
    const packet = randomPacket(random);
    const expected = decide(objects, source, destination, packet);
    const actual = verdict(policy, { source, destination, packet: packet as FirstPacket });
    seen.set(expected.because, (seen.get(expected.because) ?? 0) + 1);
    if (actual.action === expected.action) continue;
    found.push(
      `policy ${index} (HEDDLE_TEST_SEED=${SEED}), ${source} to ${destination}, ${JSON.stringify(packet)}: ` +
        `oracle ${expected.action} (${expected.because}), engine ${actual.action} (${actual.reason})`,
    );
  }
  return found;
}

describe('engine and oracle', () => {
  it(
    `agree on ${POLICIES} random policies with ${PACKETS} packets each`,
    () => {
      const seen = new Map<Because, number>();
      const found: string[] = [];
      for (let index = 0; index < POLICIES && found.length < 10; index++) found.push(...disagreements(index, seen));
      expect(found).toEqual([]);

      // An agreement is worth something only if every way to decide was met.
      const ways: Because[] = [
        'no-such-epg', 'other-vrf', 'same-epg', 'same-epg-isolated', 'vrf-unenforced', 'entry-permits', 'entry-denies', 'nothing-permits',
      ]; // prettier-ignore
      for (const way of ways) expect([way, (seen.get(way) ?? 0) > POLICIES / 50]).toEqual([way, true]);
    },
    Math.max(30_000, POLICIES * 20),
  );
});
