// How this Outcrop is: version, whether it takes events, disk and memory.
import { useReadiness, useVersion } from '../../api/keys';
import { bytes, share } from '../../words/numbers';

const POOLS: Record<string, string> = { connections: 'Connections', bodies: 'Requests coming in', decoding: 'Decoding', memtables: 'Events not yet in segments', queries: 'Queries', caches: 'Caches' };

export function Server() {
  const ready = useReadiness();
  const version = useVersion();
  const { disk, memory, reasons } = ready.data ?? {};
  return (
    <section aria-labelledby="server-head" data-testid="server">
      <h2 id="server-head">This Outcrop</h2>
      <dl className="facts-list">
        <div><dt>Version</dt><dd className="mono">{version.data?.version ?? '…'}</dd></div>
        <div><dt>State</dt><dd>{ready.isError ? <span className="bad">It takes no events now: {ready.error.message}</span> : ready.data ? (ready.data.ready ? 'Takes events and answers' : <span className="bad">{reasons?.join('; ')}</span>) : '…'}</dd></div>
        {disk && <div><dt>Disk</dt><dd>{bytes(disk.available_bytes)} of {bytes(disk.total_bytes)} free <Bar part={disk.used_percent / 100} /></dd></div>}
        {memory?.map((pool) => (
          <div key={pool.pool}><dt>{POOLS[pool.pool] ?? pool.pool}</dt><dd>{bytes(pool.used_bytes)} <span className="dim">of {bytes(pool.limit_bytes)}</span> <Bar part={pool.limit_bytes ? pool.used_bytes / pool.limit_bytes : 0} /></dd></div>
        ))}
      </dl>
    </section>
  );
}

function Bar({ part }: { part: number }) {
  return <span className="fill-bar" role="img" aria-label={`${share(part)} used`}><i style={{ width: `${Math.min(100, part * 100)}%` }} /></span>;
}
