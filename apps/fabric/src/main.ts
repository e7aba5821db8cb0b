import 'reflect-metadata';
import { runAlone } from '@heddle/service';
import { startFabric } from './fabric.module';

void runAlone('fabric', startFabric, { opsPort: 4294 });
