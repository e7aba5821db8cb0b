import { permissionsFor } from '@heddle/messaging';
import { HeddleError } from '@heddle/model';

/** What an agent needs to connect to NATS. */
export interface BrokerCredentials {
  /** `nats://host:port` */
  readonly servers: readonly string[];
  /** Seed of the user's nkey; kept nowhere else. */
  readonly seed: string;
}

/** The users of the NATS server, as far as the control plane may make them. */
export interface BrokerUsers {
  /** Makes a user that is limited to a host's subjects. One made before for the same host is no longer let in. */
  createForHost(host: string): Promise<BrokerCredentials>;
}

/** For a NATS server that somebody else runs. */
export const externalBroker: BrokerUsers = {
  createForHost: (host) =>
    Promise.reject(
      new HeddleError(
        'refused',
        `the NATS server is not run by Heddle, so its users are made there: add a user with an nkey for host ${host} ` +
          `to its configuration, with permissions: ${JSON.stringify(permissionsFor({ host }))}; ` +
          "the nkey's seed goes to the host, into the seedFile of the agent's configuration",
      ),
    ),
};
