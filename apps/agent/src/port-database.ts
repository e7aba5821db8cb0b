import type { OvsDatabase } from '@heddle/ovs';

/** What is used of the Open vSwitch database: bridges and ports, and news of them. */
export type PortDatabase = Pick<OvsDatabase, 'ensureBridge' | 'ensurePort' | 'deletePort' | 'listPorts' | 'watchPorts'>;
