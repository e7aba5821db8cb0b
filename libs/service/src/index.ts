export { flag, LOG_SETTING, logLevelsText, natsUrlText, portText } from './config/common-settings';
export { describeSettings, readSettings, type Setting, type Settings } from './config/settings';
export {
  createLog,
  LOG_LEVELS,
  parseLogLevels,
  serviceLog,
  silentLog,
  type Log,
  type LogLevel,
  type LogLevels,
} from './logging/log';
export { NestLog } from './logging/nest-log';
export {
  DURATION_BUCKETS,
  METRICS_CONTENT_TYPE,
  processMetrics,
  renderMetrics,
  ServiceMetrics,
  type Finish,
} from './metrics/service-metrics';
export { answerOps, OpsServer, type OpsAnswer, type OpsSource } from './ops/ops-server';
export {
  Readiness,
  reportAll,
  type CheckReport,
  type ReadinessCheck,
  type ReadinessReport,
  type ReadinessResult,
} from './ops/readiness';
export { watchBus } from './ops/watch-bus';
export { HeddleTransport, RethrowFilter, type HeddleTransportOptions } from './rpc/heddle-transport';
export { methodHandler, streamHandler, type BodyHandler, type HandlerDeps } from './rpc/method-handler';
export { Method, type MethodHandler, type MethodOptions } from './rpc/method.decorator';
export {
  METHODS,
  splitMethod,
  type AgentMethod,
  type MethodInfo,
  type ServiceMethod,
  type StreamMethod,
  type UnaryAgentMethod,
} from './rpc/methods';
export { RpcClient, type AgentClient, type CallOptions } from './rpc/rpc-client';
export { toHeddleError } from './rpc/to-heddle-error';
export { nestOptions, root, runNestService } from './run/nest-service';
export { depsOf, natsSettings, openBus, readSeed, untilConnected, type NatsConfig } from './run/connect-service';
export { aloneSettings, runAlone } from './run/run-alone';
export { Leadership, type Reign } from './run/leadership';
export { EXIT, runProgram, STOP_GRACE_MS, type ProcessPort, type Program, type Runtime } from './run/program';
export {
  DEFAULT_LEASE_MS,
  serviceContext,
  type RunningService,
  type ServiceContext,
  type ServiceDeps,
  type StartService,
} from './run/service';
export { BUS, CLOCK, CONTEXT, LEASE_MS, LOG, ServiceModule, STORE } from './run/service.module';
export { Owner, type Ownership, type OwnerSettings } from './run/owner';
export { TestOwnership } from './testing/test-ownership';
