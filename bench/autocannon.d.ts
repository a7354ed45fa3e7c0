declare module 'autocannon' {
  interface Request {
    body?: string;
  }
  interface Settings {
    url: string;
    connections: number;
    duration: number;
    method: string;
    headers: Record<string, string>;
    requests: { setupRequest: (request: Request) => Request }[];
  }
  interface Measured {
    duration: number;
    errors: number;
    non2xx: number;
    requests: { total: number };
    latency: { p50: number; p99: number };
  }
  export default function autocannon(settings: Settings): Promise<Measured> & { stop(): void };
}
