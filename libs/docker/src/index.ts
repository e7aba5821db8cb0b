export type { ContainerNetworkSpec, ContainerResources, ContainerSpec, FileMount, TmpfsMount } from './container-spec';
export type { CheckOptions } from './check-container-spec';
export { HOST_CONFIG_KEYS, hostConfig, type HostConfig } from './host-config';
export { createRequest, type CreateRequest } from './create-request';
export type * from './engine';
export { networkDifferences, type NetworkInfo, type NetworkSpec } from './network-spec';
export { DockerEngine, type DockerEngineOptions, type EngineDeadlines } from './docker-engine';
export {
  checkSocketPath,
  EngineProcess,
  HOLDER_READY,
  MAX_SOCKET_PATH_BYTES,
  type EngineDirs,
  type EngineOptions,
  type HolderOptions,
} from './engine-process';
export { TestEngine, type TestEngineOptions } from './test-engine';
export type * from './plugin/ipam-driver';
export type * from './plugin/network-driver';
export { ipamService, type IpamCapabilities } from './plugin/ipam-service';
export { networkService } from './plugin/network-service';
export { PluginServer, type PluginCall, type PluginServerOptions } from './plugin/plugin-server';
export { claimSocket, type SocketClaim } from './plugin/socket-claim';
export type { PluginMethod, PluginService, PluginWork } from './plugin/plugin-service';
export { FakeEngine, type EngineMethod, type FakeCall, type FakeEngineOptions } from './fake-engine';
export { buildDemoImage, DEMO_IMAGE, type DemoImageOptions } from './image/demo-image';
export { imageTar, type TarEntry } from './image/image-tar';
