import { refOf, type Attachment, type HeddleObject, type Problem } from '@heddle/model';
import { EndpointBinder } from '@heddle/policy-engine';
import { nameOf } from './faults';
import type { State } from './state';

type Place = Pick<Extract<Attachment, { driver: 'static' }>, 'leaf' | 'port' | 'vlan'>;

/** That an EPG is at a port of a leaf in a VLAN, and who says so. */
interface Claim {
  readonly epg: string;
  readonly object: HeddleObject<'Epg'> | HeddleObject<'Endpoint'>;
  /** Such as `spec.staticBindings[0].vlan`. */
  readonly field: string;
  readonly place: Place;
}

/**
 * Ports of leaves where one VLAN would be of two EPGs. A leaf knows by port and VLAN of which EPG a frame is, so one of the two
 * would pass nothing. What is untagged it knows by its MAC as well.
 */
export function checkPlaces(state: State): Problem[] {
  const byPlace = new Map<string, Claim[]>();
  for (const claim of claimsOf(state)) {
    const { leaf, port, vlan } = claim.place;
    const key = `${leaf} ${port} ${vlan}`;
    const claims = byPlace.get(key);
    if (claims) claims.push(claim);
    else byPlace.set(key, [claim]);
  }
  return [...byPlace.values()].flatMap((claims) => {
    const tenants = new Set(claims.map(({ object }) => object.metadata.tenant));
    // Of one tenant, each is told of another. Else the last one only, and nothing of whose the other is.
    const told = tenants.size === 1 ? claims : claims.slice(-1);
    return told.flatMap((claim): Problem[] => {
      const other = claims.find(({ epg }) => epg !== claim.epg);
      return other ? [problemOf(claim, other)] : [];
    });
  });
}

function problemOf({ object, field, place, epg }: Claim, other: Claim): Problem {
  const { leaf, port, vlan } = place;
  const isOwn = other.object.metadata.tenant === object.metadata.tenant;
  const who = isOwn ? saying(other) : 'an EPG of another tenant is';
  const message = `found VLAN ${vlan} at port ${port} of leaf ${leaf} for EPG ${epg}, where ${who} in that VLAN; a leaf knows by port and VLAN of which EPG a frame is: allowed is a VLAN or a port of its own for each EPG`;
  return { path: `${nameOf(refOf(object))} ${field}`, message };
}

const saying = ({ object, epg }: Claim): string =>
  object.kind === 'Epg' ? `EPG ${epg} has a static binding` : `${nameOf(refOf(object))} of EPG ${epg} is`;

/** What is at tagged places, by static bindings and by servers that are bound to an EPG. */
function claimsOf(state: State): Claim[] {
  const epgs: HeddleObject<'Epg'>[] = [];
  const servers: { readonly object: HeddleObject<'Endpoint'>; readonly place: Place }[] = [];
  for (const object of state.values()) {
    if (object.kind === 'Epg') epgs.push(object);
    else if (object.kind === 'Endpoint') {
      const { attachment } = object.spec;
      if (attachment?.driver === 'static' && attachment.vlan !== undefined) servers.push({ object, place: attachment });
    }
  }
  const claims = epgs.flatMap((object): Claim[] =>
    // An EPG that an earlier version wrote has no list of them.
    (object.spec.staticBindings ?? []).flatMap((place, i) =>
      place.vlan === undefined
        ? []
        : [{ epg: refOf(object).path, object, field: `spec.staticBindings[${i}].vlan`, place }],
    ),
  );
  if (servers.length === 0) return claims;
  const binder = new EndpointBinder(epgs);
  for (const { object, place } of servers) {
    const binding = binder.bind(object);
    if (binding.state === 'bound') claims.push({ epg: binding.epg, object, field: 'spec.attachment.vlan', place });
  }
  return claims;
}
