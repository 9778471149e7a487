/**
 * Series of database servers have the server's name where those of a program have its role. A server is no program under test: nothing is
 * required of it, its work is not proof of anybody's, and a member of it (the backend of one long session) moves no other series.
 */
import type { Series } from '../series.ts';

const SOURCES: ReadonlySet<string> = new Set(['postgres', 'redis']);

export function isOfServer({ source }: Pick<Series, 'source'>): boolean {
  return SOURCES.has(source);
}
