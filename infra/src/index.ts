export * from './lab-stack';
export * from './synth';
export * from './terraform';
