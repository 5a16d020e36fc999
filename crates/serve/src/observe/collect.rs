//! What is asked for at the scrape: logs, expiries, issuers, witnesses, the process.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use signhere_pki::time::Time;

use super::process::Process;
use crate::status::{ExpiryKind, Facts, LogFacts, ServiceState, Source};

/// The most issuers and witnesses that have metrics of their own: a configuration names fewer, a found one is not counted.
const MOST: usize = 64;

/// Asks for the facts at each scrape.
pub(super) struct Collect(Source);

impl Collect {
    pub(super) fn new(source: Source) -> Self {
        Self(source)
    }
}

impl fmt::Debug for Collect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collect")
    }
}

impl Collector for Collect {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(encoder);
        let facts = (self.0)();
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        out.family(
            "signhere_build_info",
            "The version that runs",
            None,
            [(version, number(1))],
        )?;
        services(&mut out, &facts)?;
        logs(&mut out, &facts.logs)?;
        expiries(&mut out, &facts)?;
        issuers_and_witnesses(&mut out, &facts)?;
        Process::read().map_or(Ok(()), |read| process(&mut out, &read))
    }
}

fn services(out: &mut Out<'_>, facts: &Facts) -> fmt::Result {
    let on = facts
        .services
        .iter()
        .filter(|service| service.state == ServiceState::On);
    out.family(
        "signhere_service_up",
        "Whether a service of this instance works",
        None,
        on.map(|service| {
            (
                vec![("service", service.name.to_owned())],
                flag(service.problem.is_none()),
            )
        }),
    )?;
    out.family(
        "signhere_clock_sane",
        "Whether the clock is believed",
        None,
        [(Vec::new(), flag(facts.clock.is_none()))],
    )
}

fn logs(out: &mut Out<'_>, logs: &[LogFacts]) -> fmt::Result {
    let name = |log: &LogFacts| vec![("log", log.name.clone())];
    out.family(
        "signhere_log_entries",
        "Entries under the published checkpoint",
        None,
        logs.iter().filter_map(|log| {
            let size = log.published().ok()?.size;
            Some((name(log), number(size)))
        }),
    )?;
    out.family(
        "signhere_log_checkpoint_timestamp",
        "When the checkpoint was published",
        Some(&Unit::Seconds),
        logs.iter()
            .filter_map(|log| Some((name(log), moment(log.published_at()?)))),
    )?;
    out.family(
        "signhere_log_queue_length",
        "Entries that wait to be logged",
        None,
        logs.iter().filter_map(|log| {
            let waiting = u64::try_from(log.waiting?).unwrap_or(u64::MAX);
            Some((name(log), number(waiting)))
        }),
    )?;
    out.family(
        "signhere_log_up",
        "Whether a log can be written",
        None,
        logs.iter()
            .filter(|log| log.active)
            .map(|log| (name(log), flag(log.failure.is_none()))),
    )
}

fn expiries(out: &mut Out<'_>, facts: &Facts) -> fmt::Result {
    for (kind, metric, label, help) in [
        (
            ExpiryKind::Certificate,
            "signhere_certificate_expiry_timestamp",
            "certificate",
            "When a certificate expires",
        ),
        (
            ExpiryKind::Tuf,
            "signhere_tuf_expiry_timestamp",
            "role",
            "When the metadata of a TUF role expires",
        ),
    ] {
        let of_kind = facts.expiries.iter().filter(|expiry| expiry.kind == kind);
        out.family(
            metric,
            help,
            Some(&Unit::Seconds),
            of_kind.map(|expiry| (vec![(label, expiry.what.clone())], moment(expiry.at))),
        )?;
    }
    Ok(())
}

fn issuers_and_witnesses(out: &mut Out<'_>, facts: &Facts) -> fmt::Result {
    let issuers = || facts.issuers.iter().take(MOST);
    out.family(
        "signhere_issuer_failing",
        "Whether an issuer's keys cannot be fetched",
        None,
        issuers().map(|issuer| {
            (
                vec![("issuer", issuer.url.clone())],
                flag(issuer.failing_since.is_some()),
            )
        }),
    )?;
    out.family(
        "signhere_issuer_keys_timestamp",
        "When an issuer's keys were last fetched",
        Some(&Unit::Seconds),
        issuers().filter_map(|issuer| {
            Some((
                vec![("issuer", issuer.url.clone())],
                moment(issuer.keys_fetched?),
            ))
        }),
    )?;
    let witnesses = || facts.witnesses.iter().take(MOST);
    out.family(
        "signhere_witness_failures",
        "Requests to a witness that brought no cosignature",
        None,
        witnesses().map(|witness| {
            (
                vec![("witness", witness.name.clone())],
                ConstCounter::new(witness.failures),
            )
        }),
    )?;
    out.family(
        "signhere_witness_cosigned_timestamp",
        "When a witness last cosigned",
        Some(&Unit::Seconds),
        witnesses().filter_map(|witness| {
            Some((
                vec![("witness", witness.name.clone())],
                moment(witness.cosigned_at?),
            ))
        }),
    )
}

/// The names are those of every Prometheus client, without a prefix of ours.
fn process(out: &mut Out<'_>, process: &Process) -> fmt::Result {
    let mut gauge = |name, help, unit: Option<Unit>, value| {
        out.family(name, help, unit.as_ref(), [(Vec::new(), value)])
    };
    gauge(
        "process_resident_memory",
        "Resident memory",
        Some(Unit::Bytes),
        number(process.resident_bytes),
    )?;
    gauge(
        "process_open_fds",
        "Open file descriptors",
        None,
        number(process.open_fds),
    )?;
    if let Some(most) = process.max_fds {
        gauge(
            "process_max_fds",
            "File descriptors that may be open",
            None,
            number(most),
        )?;
    }
    gauge("process_threads", "Threads", None, number(process.threads))?;
    out.family(
        "process_start_time",
        "When the process was started",
        Some(&Unit::Seconds),
        [(Vec::new(), ConstGauge::new(process.start_seconds))],
    )?;
    out.family(
        "process_cpu",
        "CPU time of user and system",
        Some(&Unit::Seconds),
        [(Vec::new(), ConstCounter::new(process.cpu_seconds))],
    )
}

fn number(value: u64) -> ConstGauge<u64> {
    ConstGauge::new(value)
}

fn flag(value: bool) -> ConstGauge<u64> {
    number(u64::from(value))
}

fn moment(time: Time) -> ConstGauge<i64> {
    ConstGauge::new(time.unix())
}

/// Writes metric families.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    /// One family; nothing when it has no sample.
    fn family<M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        samples: impl IntoIterator<Item = (Vec<(&'static str, String)>, M)>,
    ) -> fmt::Result {
        let mut samples = samples.into_iter().peekable();
        let Some((_, first)) = samples.peek() else {
            return Ok(());
        };
        let kind = first.metric_type();
        let mut family = self.0.encode_descriptor(name, help, unit, kind)?;
        for (labels, metric) in samples {
            if labels.is_empty() {
                return metric.encode(family);
            }
            metric.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
