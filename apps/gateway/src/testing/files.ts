/** Files of objects as people write them, for tests. */
export const TENANT = `kind: Tenant
metadata: { name: acme }
`;

export const SHOP = `${TENANT}---
kind: App
metadata: { tenant: acme, name: shop, labels: { tier: front } }
spec:
  services:
    web: { image: heddle/demo, replicas: 3, ports: { http: 8080 } }
    api: { image: heddle/demo, replicas: 2, ports: { http: 8080 } }
  connect:
    - { from: web, to: api, port: http }
`;
