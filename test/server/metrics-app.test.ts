import { afterEach, beforeEach, expect, test } from '@jest/globals';
import request from 'supertest';
import { metricsApp } from '../../src/server/metrics-app.js';
import { type AdminHarness, anAdminHarness } from '../builders/admin.js';

let harness: AdminHarness;
let api: ReturnType<typeof request>;

beforeEach(async () => {
  harness = await anAdminHarness();
  const { metrics, datastore, context } = harness;
  api = request(metricsApp({ metrics, datastore, dataplaneStatus: context.dataplaneStatus }));
});
afterEach(() => harness.close());

test('figures are in the exposition form, gathered when asked', async () => {
  harness.metrics.observeRequest({ method: 'NetworkDriver.Join', ms: 3, outcome: 'ok' });
  harness.metrics.observeKernelApply({ ms: 0.4, outcome: 'ok' });
  const { text, headers } = await api.get('/metrics').expect(200);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  for (const line of [
    'corduroy_request_duration_seconds_count{method="NetworkDriver.Join",outcome="ok"} 1',
    'corduroy_request_duration_seconds_bucket{le="0.0025",method="NetworkDriver.Join",outcome="ok"} 0',
    'corduroy_request_duration_seconds_bucket{le="0.005",method="NetworkDriver.Join",outcome="ok"} 1',
    'corduroy_kernel_apply_duration_seconds_count{outcome="ok"} 1',
    'corduroy_endpoints 2',
    'corduroy_endpoints_attached 1',
    'corduroy_addresses{pool="10.64.0.0/12",state="assigned"} 1',
    'corduroy_datastore_up 1',
    'corduroy_dataplane_synced 1',
    'corduroy_repairs_total 1',
    'corduroy_bgp_session_up{peer="beta",address="10.99.0.12",type="mesh"} 1',
    'corduroy_bgp_session_up{peer="10.99.0.1",address="10.99.0.1",type="global"} 0',
    'corduroy_bgp_session_routes{peer="beta",address="10.99.0.12",direction="imported"} 2',
    'corduroy_bgp_session_routes{peer="beta",address="10.99.0.12",direction="exported"} 1',
    'corduroy_info{version="1.2.3"} 1',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});

test('asked twice, counters that are read elsewhere do not add up', async () => {
  await api.get('/metrics');
  expect((await api.get('/metrics')).text).toContain('corduroy_repairs_total 1\n');
});

test('healthy while it answers; ready while new containers would get their network', async () => {
  expect((await api.get('/healthz').expect(200)).body).toEqual({ status: 'ok' });
  expect((await api.get('/readyz').expect(200)).body).toEqual({ status: 'ready', problems: [] });
  harness.datastore.goAway('connection refused');
  harness.status = { ...harness.status, synced: false, problem: 'iptables-restore failed' };
  await api.get('/healthz').expect(200);
  const { body } = await api.get('/readyz').expect(503);
  expect(body).toEqual({
    status: 'not ready',
    problems: [expect.stringContaining('connection refused'), expect.stringContaining('iptables-restore failed')],
  });
  expect((await api.get('/metrics').expect(200)).text).toContain('corduroy_datastore_up 0\n');
  await api.get('/').expect(404);
});
