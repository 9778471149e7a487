/** The table of every metric: what each source declares, and what the run says of itself. */
import { Catalog } from './catalog.ts';
import { METRICS as COSTS } from './costmetrics.ts';
import { METRICS as CGROUP } from './sources/cgroup.ts';
import { METRICS as HOST } from './sources/host.ts';
import { METRICS as INBOUND } from './sources/inbound.ts';
import { METRICS as OUTAGES } from './sources/outages.ts';
import { METRICS as POSTGRES } from './sources/postgres.ts';
import { METRICS as POOL } from './sources/pool.ts';
import { METRICS as PROBE } from './sources/probe.ts';
import { METRICS as PROCESS } from './sources/process.ts';
import { METRICS as REDIS } from './sources/redis.ts';
import { METRICS as RUNTIME } from './sources/runtime.ts';
import { METRICS as SCRAPE } from './sources/scrape.ts';
import { METRICS as SELF } from './sources/self.ts';
import { METRICS as SOCKETS } from './sources/sockets.ts';
import { METRICS as TRAFFIC } from './sources/traffic.ts';
import { METRICS as RUN } from './views/runmetrics.ts';
import { METRICS as VERDICT } from './views/verdictmetrics.ts';

export const CATALOG = new Catalog([
  PROCESS,
  CGROUP,
  RUNTIME,
  COSTS,
  HOST,
  SOCKETS,
  POOL,
  POSTGRES,
  REDIS,
  OUTAGES,
  SCRAPE,
  SELF,
  TRAFFIC,
  PROBE,
  INBOUND,
  RUN,
  VERDICT,
]);
