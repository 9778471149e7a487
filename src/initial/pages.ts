/** Pages of metrics on the ports of a program: asked for once, where such pages usually are. */
import { type Clock, deadline } from '../clock.ts';
import { recognised } from '../intake/presets.ts';
import { pageClient, scrape } from '../sources/scrape.ts';
import { ScrapeFailure } from '../sources/scrape-failure.ts';

export interface FoundPage {
  readonly url: string;
  readonly samples: number;
  /** Presets that know some of its names. */
  readonly presets: readonly string[];
}

/** The usual path of Prometheus, and that of Spring Boot. */
const PATHS = ['/metrics', '/actuator/prometheus'] as const;

/** Seconds; a page that takes longer would take as long at every read. */
const ANSWER_S = 2;

/** Ports of a program that are asked; names of a page that are kept. */
const PORTS_MAX = 8;
const NAMES_MAX = 5000;

/** The first page of each port that can be read. Whoever does not speak HTTP is asked once and closed. */
export async function pagesOf(ports: readonly number[], clock: Clock): Promise<FoundPage[]> {
  const found: FoundPage[] = [];
  for (const port of ports.slice(0, PORTS_MAX)) {
    for (const path of PATHS) {
      const page = await read(`http://127.0.0.1:${port}${path}`, clock);
      if (page === null) continue;
      found.push(page);
      break;
    }
  }
  return found;
}

async function read(url: string, clock: Clock): Promise<FoundPage | null> {
  const about = { name: 'page', url, display: url, target: null, presets: null, every: ANSWER_S, timeout: ANSWER_S };
  const client = pageClient({ ...about, headers: {}, bearerFile: null, caFile: null }, clock);
  const limit = deadline(ANSWER_S, 'too late');
  const names = new Set<string>();
  limit.start();
  try {
    const { page } = await scrape(client, ANSWER_S, {
      signal: limit.signal,
      each: (points) => points.forEach(({ name }) => names.size < NAMES_MAX && names.add(name)),
    });
    return { url, samples: page.samples, presets: recognised(names) };
  } catch (error) {
    if (error instanceof ScrapeFailure) return null;
    throw error;
  } finally {
    limit.end();
    client.close();
  }
}
