import type { HeddleObject } from '@heddle/model';
import { amount, part, text, word, type Observed } from './observed';
import { bytes } from './words';

/** Where an endpoint is: `h1 hd3f`, `h1 eth1 vlan 105`, `leaf1 eth5 vlan 20`, `nowhere`. */
export function whereText({ status }: HeddleObject<'Endpoint'>): string {
  if (!status || text(status, 'unknown') !== undefined) return '-';
  const host = text(status, 'host');
  if (host === undefined) return 'nowhere';
  const attachment = part(status, 'attachment');
  const vlan = amount(attachment, 'vlan');
  return [host, text(attachment, 'uplink') ?? text(attachment, 'port') ?? '', ...(vlan === undefined ? [] : [`vlan ${vlan}`])]
    .filter(Boolean)
    .join(' '); // prettier-ignore
}

/** By what it is attached there: `ovs`, `macvlan vepa`, `static`. */
export function attachmentText({ status }: HeddleObject<'Endpoint'>): string {
  const attachment = part(status, 'attachment');
  return [word(attachment, 'driver'), text(attachment, 'mode') ?? ''].filter(Boolean).join(' ');
}

/** What it has sent and received since it is there: `↑1.2Mi ↓340Ki`. */
export function trafficText({ status }: HeddleObject<'Endpoint'>): string {
  const traffic = part(status, 'traffic');
  const sum = (direction: string): string => {
    const counted: Observed = part(traffic, direction);
    return bytes(amount(counted, 'bytes') ?? 0);
  };
  return traffic ? `↑${sum('sent')} ↓${sum('received')}` : '-';
}
