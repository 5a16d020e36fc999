//! Counters and histograms that requests move. What can be asked for is asked for at the scrape: `collect.rs`.

use std::fmt;

use axum::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::collect::Collect;
use super::request::{Outcome, code_name};
use crate::status::Source;

/// Upper bounds in seconds: from a tile out of memory to the longest request that is let live.
const BUCKETS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0,
];
/// Where certificates are asked for.
const SIGNING: [&str; 2] = ["/api/v2/signingCert", "/api/v1/signingCert"];

/// The metrics of an instance.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, Buckets>,
    in_flight: Gauge,
    issued: Counter,
    refused: Family<RefusalLabels, Counter>,
    timestamps: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    code: &'static str,
}

#[derive(Clone)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

impl Metrics {
    /// The metrics of an instance that `source` states the facts of.
    pub(super) fn new(source: Source) -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let durations = Family::new_with_constructor(Buckets);
        let (in_flight, issued, timestamps) =
            (Gauge::default(), Counter::default(), Counter::default());
        let refused = Family::default();
        registry.register(
            "signhere_http_requests",
            "Requests answered, by matched route",
            Clone::clone(&requests),
        );
        registry.register_with_unit(
            "signhere_http_request_duration",
            "Time from the head of a request to the head of its answer",
            Unit::Seconds,
            Clone::clone(&durations),
        );
        registry.register(
            "signhere_http_requests_in_flight",
            "Requests that are being answered",
            in_flight.clone(),
        );
        registry.register(
            "signhere_certificates_issued",
            "Signing certificates given out",
            issued.clone(),
        );
        registry.register(
            "signhere_certificates_refused",
            "Requests for a signing certificate that were refused, by code",
            Clone::clone(&refused),
        );
        registry.register(
            "signhere_timestamps_issued",
            "Timestamps given out",
            timestamps.clone(),
        );
        registry.register_collector(Box::new(Collect::new(source)));
        Self {
            registry,
            requests,
            durations,
            in_flight,
            issued,
            refused,
            timestamps,
        }
    }

    /// Counts a request as being answered, until what is returned is dropped.
    pub(super) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts an answer.
    pub(super) fn answered(
        &self,
        method: &'static str,
        route: &str,
        status: StatusCode,
        seconds: f64,
        outcome: Option<&Outcome>,
    ) {
        let labels = RequestLabels {
            method,
            route: route.to_owned(),
            status: status.as_u16(),
        };
        self.requests.get_or_create(&labels).inc();
        let labels = RouteLabels {
            route: labels.route,
        };
        self.durations.get_or_create(&labels).observe(seconds);
        match outcome {
            Some(Outcome::Certificate { .. }) => {
                self.issued.inc();
            }
            Some(Outcome::Timestamp) => {
                self.timestamps.inc();
            }
            Some(Outcome::Refused(code)) if SIGNING.contains(&route) => {
                let code = code_name(*code);
                self.refused.get_or_create(&RefusalLabels { code }).inc();
            }
            Some(Outcome::Refused(_)) | None => {}
        }
    }

    /// All metrics as text. Blocks: facts are asked for, files are read.
    pub(super) fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A request that is being answered, or that its client has given up.
pub(super) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
