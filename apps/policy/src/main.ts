import 'reflect-metadata';
import { runAlone } from '@heddle/service';
import { startPolicy } from './policy.module';

void runAlone('policy', startPolicy, { opsPort: 4291 });
