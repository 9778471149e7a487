/** Rules beyond the level of a sample: windows, judgements, baselines, phases, and the thresholds of k6 as they are. */
import { describe, expect, test } from 'vitest';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import { PLAIN, type Rule } from '../../../src/analysis/rules.ts';
import { CATALOG } from '../../../src/metrics.ts';
import { Problem } from '../../../src/problem.ts';

const rule = (text: string): Rule => parseRule(text, (name) => CATALOG.find(name));
const LATENCY = 'soak.traffic.duration.quantile';
const MEMORY = 'soak.process.memory.private';
const ERRORS = 'soak.traffic.errors';
const REQUESTS = 'soak.traffic.requests';
const OF_OPERATION = 'soak.traffic.operation.duration.quantile';
const of = (operation: string) => ({ 'soak.operation': operation });
const med = { kind: 'quantile', q: 0.5 };
const p95 = { kind: 'quantile', q: 0.95 };

describe('windows, judgements and baselines', () => {
  const whole = { ...PLAIN, op: '<' };

  test.each([
    ['latency p(95) < 500ms for 5m', { metric: LATENCY, measure: p95, value: 0.5, for: 300 }],
    ['latency p99<1s', { metric: LATENCY, measure: { kind: 'quantile', q: 0.99 }, value: 1 }],
    ['latency worst_window(10m) p(95)<800ms', { metric: LATENCY, measure: p95, value: 0.8, over: 600 }],
    ['worst_window(10m) latency p(95)<800ms', { metric: LATENCY, measure: p95, value: 0.8, over: 600 }],
    ['latency avg < 200ms over 1m', { metric: 'soak.traffic.duration.mean', measure: { kind: 'mean' }, value: 0.2, over: 60 }],
    ['latency max < 5s', { metric: LATENCY, measure: { kind: 'quantile', q: 1 }, value: 5 }],
    ['errors rate < 1% for 2m', { metric: ERRORS, measure: { kind: 'share' }, value: 0.01, for: 120 }],
    ['errors rate < 0.1% over run warn', { metric: ERRORS, measure: { kind: 'share' }, value: 0.001, over: 'run', otherwise: 'warn' }],
    ['errors count == 0', { metric: ERRORS, measure: { kind: 'count' }, op: '==', value: 0 }],
    ['requests rate > 100', { metric: REQUESTS, measure: { kind: 'rate' }, op: '>', value: 100 }],
    ['requests rate drop < 50%', { metric: REQUESTS, measure: { kind: 'rate' }, againstBaseline: true, op: '>', value: -0.5 }],
    ['requests drop<50%', { metric: REQUESTS, measure: { kind: 'rate' }, againstBaseline: true, op: '>', value: -0.5 }],
    ['memory.private slope<1MB/h', { metric: MEMORY, measure: { kind: 'slope' }, value: 1e6 }],
    ['memory.private slope < 24MB/d', { metric: MEMORY, measure: { kind: 'slope' }, value: 1e6 }],
    ['api: fds slope < 5/h', { role: 'api', metric: 'process.unix.file_descriptor.count', measure: { kind: 'slope' }, value: 5 }],
    ['memory.private slope_per_request<10B', { metric: MEMORY, measure: { kind: 'slope_per_request' }, value: 10 }],
    ['memory.private exhaustion>24h', { metric: MEMORY, measure: { kind: 'exhaustion' }, op: '>', value: 86_400 }],
    ['recovery<60s', { metric: null, measure: { kind: 'recovery' }, value: 60 }],
    ['latency recovery < 30s warn', { metric: LATENCY, measure: { kind: 'recovery' }, value: 30, otherwise: 'warn' }],
    ['memory.private vs_baseline<+20%', { metric: MEMORY, measure: { kind: 'mean' }, againstBaseline: true, value: 0.2 }],
    ['latency p(95) vs_baseline < +15%', { metric: LATENCY, measure: p95, againstBaseline: true, value: 0.15 }],
    ['cpu avg < 50%', { metric: 'process.cpu.utilization', measure: { kind: 'mean' }, value: 0.5 }],
    ['memory.private < 512MB in idle', { metric: MEMORY, value: 512e6, phase: 'idle' }],
    ['memory.private < 2GB abort after 5m', { metric: MEMORY, value: 2e9, abort: 300 }],
    ['threads < 200 optional abort', { metric: 'process.thread.count', value: 200, optional: true, abort: 0 }],
  ])('%s', (text, expected) => expect(rule(text)).toEqual({ ...whole, text, ...expected }));
});

describe('thresholds of k6 as they are', () => {
  test.each([
    ['http_req_duration: p(95)<500', { metric: LATENCY, measure: p95, value: 0.5 }],
    ['http_req_duration: avg<=200', { metric: 'soak.traffic.duration.mean', measure: { kind: 'mean' }, op: '<=', value: 0.2 }],
    ['http_req_duration: med < 100', { metric: LATENCY, measure: { kind: 'quantile', q: 0.5 }, value: 0.1 }],
    ['http_req_duration p(99.9)<2000', { metric: LATENCY, measure: { kind: 'quantile', q: 0.999 }, value: 2 }],
    ['api: http_req_duration: worst_window(10m) p(95)<800', { role: 'api', metric: LATENCY, measure: p95, over: 600, value: 0.8 }],
    ['worst_window(10m) p(95)<800', { metric: LATENCY, measure: p95, over: 600, value: 0.8 }],
    ['http_req_duration{name:checkout}: p(95)<800', { metric: OF_OPERATION, labels: of('checkout'), measure: p95, value: 0.8 }],
    [
      'http_req_duration{ name : "GET http://h:80/a?b=1" }: med<80',
      { metric: OF_OPERATION, labels: of('GET /a'), measure: med, value: 0.08 },
    ],
    ['http_req_duration{scenario:browse}: p(95)<500', { metric: OF_OPERATION, labels: of('{scenario:browse}'), measure: p95, value: 0.5 }],
    ['http_req_duration{group:::login}: p(95)<500', { metric: OF_OPERATION, labels: of('{group:::login}'), measure: p95, value: 0.5 }],
    ['http_req_failed: rate<0.01', { metric: ERRORS, measure: { kind: 'share' }, value: 0.01 }],
    ['http_req_failed: rate===0', { metric: ERRORS, measure: { kind: 'share' }, op: '==', value: 0 }],
    ['http_reqs: rate>100', { metric: REQUESTS, measure: { kind: 'rate' }, op: '>', value: 100 }],
    ['http_reqs: count>=1000', { metric: REQUESTS, measure: { kind: 'count' }, op: '>=', value: 1000 }],
  ])('%s', (text, expected) => expect(rule(text)).toEqual({ ...PLAIN, op: '<', text, ...expected }));
});

describe('what a rule cannot say', () => {
  test.each([
    ['latency p(95) < 500', 17, /with its unit, such as 500ms/],
    ['memory.private p(95) < 1GB', 16, /quantiles are of latency/],
    ['requests avg < 5', 10, /say its rate or its count/],
    ['memory.private rate < 5', 16, /is no counter/],
    ['memory.private slope < 1MB', 24, /per hour, such as 1MB\/h/],
    ['memory.private vs_baseline < 20', 30, /a change such as \+20%/],
    ['memory.private slope vs_baseline < +20%', 22, /slope has no baseline/],
    ['memory.private bigly < 5', 16, /one of value, avg/],
    ['latency worst_window(soon) p(95)<8ms', 9, /a duration such as .* in worst_window/],
    ['http_req_waiting: p(95)<500', 1, /no metric http_req_waiting; of k6 http_req_duration, .* are understood/],
    ['http_req_waiting{name:a}: p(95)<500', 1, /no metric http_req_waiting; of k6/],
    ['iterations: count>100', 1, /no metric iterations; of k6/],
    ['group_duration: avg < 200', 1, /no metric group_duration; of k6/],
    ['My_Trend: p(99)<300', 1, /no metric My_Trend; of k6/],
    ['http_req_duration{name:a,scenario:b}: p(95)<500', 18, /one tag and its value, as in \{name:checkout\}/],
    ['http_req_duration{scenario}: p(95)<500', 18, /one tag and its value/],
    [`http_req_duration{scenario:${'x'.repeat(101)}}: p(95)<500`, 18, /one tag and its value/],
    ['http_req_duration{name:a}: p(99.9)<500', 28, /of operation.latency there are p\(50\), p\(90\), p\(95\), p\(99\)/],
    ['operation.latency max < 5s', 19, /of operation.latency there are/],
    ['checks{name:a}: rate>0.9', 7, /checks is not told by tag/],
    ['memory.private < 5GB in', 24, /name of a phase/],
  ])('%s: wrong at column %d', (text, column, message) => {
    let problem: unknown;
    try {
      rule(text);
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(Problem);
    const [detail] = (problem as Problem).details;
    expect(detail!.message).toMatch(message);
    expect(detail!.place).toBe(`"${text}" column ${column}`);
  });
});
