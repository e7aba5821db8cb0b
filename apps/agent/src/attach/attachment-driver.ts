import type { DomainSpec } from '@heddle/model';
import type { AttachedEndpoint, AttachedMacvlan } from '../link/protocol';
import type { Stopwatch } from './stopwatch';

export interface AttachOptions {
  /** MTU of the endpoint's interface, in bytes. */
  readonly mtu: number;
  /** Measures the parts of it. */
  readonly stopwatch?: Stopwatch;
}

/** The result of attaching an endpoint. */
export interface AttachedInterface {
  /** Name of the interface that the engine moves into the container; in the host's network namespace until then. */
  readonly name: string;
  /** OpenFlow port number of the endpoint on the host's switch; absent where the leaf enforces and not that switch. */
  readonly ofport?: number;
  /** Where it is a child of an uplink: what was asked for, as it was made. */
  readonly macvlan?: AttachedMacvlan;
}

/**
 * Attaches the endpoints of one kind of Domain. What is attached is on the host, not in the driver: a new instance finds what
 * an earlier one attached. Calls for different endpoints may overlap.
 */
export interface AttachmentDriver {
  /** The driver that Domains of this kind name. */
  readonly driver: DomainSpec['driver'];

  /**
   * The name that a new endpoint's interface is to have on the host, 1 to 15 characters: always the same for one endpoint,
   * another for another one. It is remembered as the endpoint's `port`, and every other method goes by that. Changes nothing.
   */
  portName(endpointId: string): string;

  /**
   * Makes the endpoint's interface, down, with its MAC, and connects it. Opens nothing: not a packet passes before the
   * endpoint's policy is enforced. What is there under the name of the endpoint is not trusted and is replaced, so that it
   * may be repeated.
   * @throws HeddleError when it cannot be attached: nothing of it is left behind then, or what is was told as by `undo`
   */
  attach(endpoint: AttachedEndpoint, options: AttachOptions): Promise<AttachedInterface>;

  /**
   * Removes the endpoint's interface and all that was made for it. Accepts what is gone, wholly or in part, and what never was.
   * @throws HeddleError when it cannot be removed; may be repeated
   */
  detach(endpoint: AttachedEndpoint): Promise<void>;

  /**
   * Detaches after something else failed. Never throws, because that failure is what is to be told; what cannot be undone is
   * told to whoever made the driver, and can be detached later.
   */
  undo(endpoint: AttachedEndpoint): Promise<void>;

  /**
   * Whether the endpoint's device is there: it goes with the container, whatever became of the engine.
   * @throws HeddleError when that cannot be known
   */
  isAlive(endpoint: AttachedEndpoint): Promise<boolean>;

  /**
   * Which of these endpoints have no device: it went, or never was. None while the host is not seen whole, because nothing
   * must be deleted by a list that has gaps.
   * @throws HeddleError when the host cannot be asked
   */
  gone<E extends AttachedEndpoint>(endpoints: readonly E[]): Promise<E[]>;

  /**
   * Every endpoint that is attached, with its facts as they were given: the first authority on what is attached. One whose
   * device went may be among them until it is detached; what somebody else attached is not.
   * @throws HeddleError when the host cannot be asked
   */
  attached(): Promise<AttachedEndpoint[]>;
}
