import 'reflect-metadata';
import { runAlone } from '@heddle/service';
import { startScheduler } from './scheduler.module';

void runAlone('scheduler', startScheduler, { opsPort: 4293 });
