export * from './objects';
export * from './oracle';
