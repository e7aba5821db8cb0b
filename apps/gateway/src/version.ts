/** Version of this program, as `GET /api/v1/status` and the API's description show it. */
export const VERSION = '0.1.0';
