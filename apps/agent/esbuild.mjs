// Everything that runs on a host is bundled, so that it carries only what it uses: there is one of each on every host, and
// the prober and the attach daemon start often or early.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bundle } from '../../deploy/bundle.mjs';

/** A test of the programs makes them elsewhere. */
const outdir = process.argv[2] ?? 'dist';

/** NestJS looks for these, and does without them. */
const OPTIONAL = [
  ...['@nestjs/websockets', '@nestjs/platform-express', 'class-transformer', 'class-validator'],
  ...['amqp-connection-manager', 'amqplib', 'ioredis', 'kafkajs', 'mqtt'],
];

/** What dockerode uses for engines that are reached by SSH, and for sessions of BuildKit. */
const UNUSED = ['ssh2', '@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs'];

const [{ metafile }] = await Promise.all([
  bundle({
    entryPoints: {
      attach: 'src/attach/main.ts',
      sockets: 'src/attach/dns/sockets-program.ts',
      probe: 'src/probe/main.ts',
    },
    // Not used by either; what is not used is left out.
    external: ['dockerode'],
    outdir,
    metafile: true,
  }),
  bundle({ entryPoints: { main: 'src/main.ts' }, external: OPTIONAL, without: UNUSED, outdir }),
]);
const [attach] = Object.entries(metafile.outputs).filter(([file]) => path.basename(file) === 'attach.js');
await writeFile(path.join(outdir, 'attach.meta.json'), JSON.stringify(attach?.[1]));
