import { HEADER_BYTES, type Message } from './header';

/** The error types of OpenFlow 1.4 (section 7.4.4) with their codes by number, as `ovs-ofctl` names them. */
const TYPES: readonly (readonly [name: string, prefix: string, codes: readonly string[]])[] = [
  ['HELLO_FAILED', 'OFPHFC', ['INCOMPATIBLE', 'EPERM']],
  [
    'BAD_REQUEST', 'OFPBRC',
    ['BAD_VERSION', 'BAD_TYPE', 'BAD_MULTIPART', 'BAD_EXPERIMENTER', 'BAD_EXPERIMENTER_TYPE', 'EPERM', 'BAD_LEN', 'BUFFER_EMPTY', 'BUFFER_UNKNOWN', 'BAD_TABLE_ID', 'IS_SLAVE', 'BAD_PORT', 'BAD_PACKET', 'MULTIPART_BUFFER_OVERFLOW'],
  ],
  [
    'BAD_ACTION', 'OFPBAC',
    ['BAD_TYPE', 'BAD_LEN', 'BAD_EXPERIMENTER', 'BAD_EXPERIMENTER_TYPE', 'BAD_OUT_PORT', 'BAD_ARGUMENT', 'EPERM', 'TOO_MANY', 'BAD_QUEUE', 'BAD_OUT_GROUP', 'MATCH_INCONSISTENT', 'UNSUPPORTED_ORDER', 'BAD_TAG', 'BAD_SET_TYPE', 'BAD_SET_LEN', 'BAD_SET_ARGUMENT'],
  ],
  [
    'BAD_INSTRUCTION', 'OFPBIC',
    ['UNKNOWN_INST', 'UNSUP_INST', 'BAD_TABLE_ID', 'UNSUP_METADATA', 'UNSUP_METADATA_MASK', 'BAD_EXPERIMENTER', 'BAD_EXPERIMENTER_TYPE', 'BAD_LEN', 'EPERM', 'DUP_INST'],
  ],
  [
    'BAD_MATCH', 'OFPBMC',
    ['BAD_TYPE', 'BAD_LEN', 'BAD_TAG', 'BAD_DL_ADDR_MASK', 'BAD_NW_ADDR_MASK', 'BAD_WILDCARDS', 'BAD_FIELD', 'BAD_VALUE', 'BAD_MASK', 'BAD_PREREQ', 'DUP_FIELD', 'EPERM'],
  ],
  [
    'FLOW_MOD_FAILED', 'OFPFMFC',
    ['UNKNOWN', 'TABLE_FULL', 'BAD_TABLE_ID', 'OVERLAP', 'EPERM', 'BAD_TIMEOUT', 'BAD_COMMAND', 'BAD_FLAGS', 'CANT_SYNC', 'BAD_PRIORITY'],
  ],
  ['GROUP_MOD_FAILED', 'OFPGMFC', []],
  ['PORT_MOD_FAILED', 'OFPPMFC', []],
  ['TABLE_MOD_FAILED', 'OFPTMFC', []],
  ['QUEUE_OP_FAILED', 'OFPQOFC', []],
  ['SWITCH_CONFIG_FAILED', 'OFPSCFC', ['BAD_FLAGS', 'BAD_LEN', 'EPERM']],
  ['ROLE_REQUEST_FAILED', 'OFPRRFC', []],
  [
    'METER_MOD_FAILED', 'OFPMMFC',
    ['UNKNOWN', 'METER_EXISTS', 'INVALID_METER', 'UNKNOWN_METER', 'BAD_COMMAND', 'BAD_FLAGS', 'BAD_RATE', 'BAD_BURST', 'BAD_BAND', 'BAD_BAND_VALUE', 'OUT_OF_METERS', 'OUT_OF_BANDS'],
  ],
  ['TABLE_FEATURES_FAILED', 'OFPTFFC', []],
  ['BAD_PROPERTY', 'OFPBPC', ['BAD_TYPE', 'BAD_LEN', 'BAD_VALUE', 'TOO_MANY', 'DUP_TYPE', 'BAD_EXPERIMENTER', 'BAD_EXP_TYPE', 'BAD_EXP_VALUE', 'EPERM']],
  ['ASYNC_CONFIG_FAILED', 'OFPACFC', ['INVALID', 'UNSUPPORTED', 'EPERM']],
  ['FLOW_MONITOR_FAILED', 'OFPMOFC', []],
  [
    'BUNDLE_FAILED', 'OFPBFC',
    ['UNKNOWN', 'EPERM', 'BAD_ID', 'BUNDLE_EXIST', 'BUNDLE_CLOSED', 'OUT_OF_BUNDLES', 'BAD_TYPE', 'BAD_FLAGS', 'MSG_BAD_LEN', 'MSG_BAD_XID', 'MSG_UNSUP', 'MSG_CONFLICT', 'MSG_TOO_MANY', 'MSG_FAILED', 'TIMEOUT', 'BUNDLE_IN_PROGRESS'],
  ],
]; // prettier-ignore

const EXPERIMENTER = 0xffff;

/** What the switch refused, and why. */
export class OpenFlowError extends Error {
  constructor(
    readonly type: number,
    readonly code: number,
    /** The symbolic name, such as `OFPBAC_MATCH_INCONSISTENT`. */
    readonly reason: string,
  ) {
    super(`OpenFlow error ${reason}`);
    this.name = 'OpenFlowError';
  }

  /** The switch has no room for another flow. */
  get isTableFull(): boolean {
    return this.reason === 'OFPFMFC_TABLE_FULL';
  }
}

/** The error that an error message carries. */
export function readError({ bytes }: Message): OpenFlowError {
  const type = bytes.readUInt16BE(HEADER_BYTES);
  const code = bytes.readUInt16BE(HEADER_BYTES + 2);
  if (type === EXPERIMENTER && bytes.length >= HEADER_BYTES + 8) {
    const experimenter = bytes.readUInt32BE(HEADER_BYTES + 4);
    return new OpenFlowError(type, code, `experimenter 0x${experimenter.toString(16)} type ${code}`);
  }
  const [name, prefix, codes] = TYPES[type] ?? [`type ${type}`, '', []];
  const known = codes[code];
  return new OpenFlowError(type, code, known ? `${prefix}_${known}` : `${name} code ${code}`);
}
