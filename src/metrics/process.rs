//! The process metrics that Prometheus clients usually have, read from /proc.

use procfs::process::Process as Proc;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

/// Reads /proc/self at each scrape.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        // Where there is no /proc there are no process metrics, as in other clients.
        let Ok(process) = Proc::myself() else {
            return Ok(());
        };
        let Ok(stat) = process.stat() else {
            return Ok(());
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "2^53 ticks are 2.8 million years"
        )]
        let seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
        ConstCounter::new(seconds).encode(encoder.encode_descriptor(
            "process_cpu_seconds",
            "User and system CPU time in seconds",
            None,
            prometheus_client::metrics::MetricType::Counter,
        )?)?;
        let resident = i64::try_from(stat.rss * procfs::page_size()).unwrap_or(i64::MAX);
        gauge(
            &mut encoder,
            "process_resident_memory_bytes",
            "Resident memory in bytes",
            resident,
        )?;
        let files = process
            .fd_count()
            .ok()
            .and_then(|count| i64::try_from(count).ok());
        gauge(
            &mut encoder,
            "process_open_fds",
            "Open file descriptors",
            files.unwrap_or_default(),
        )
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: i64,
) -> Result<(), std::fmt::Error> {
    ConstGauge::new(value).encode(encoder.encode_descriptor(
        name,
        help,
        None,
        prometheus_client::metrics::MetricType::Gauge,
    )?)
}
