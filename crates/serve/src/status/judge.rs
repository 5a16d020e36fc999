//! What is wrong, by the facts: nothing here is remembered but how long a log has not moved.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use signhere_pki::time::Time;
use tokio::time::Instant;

use super::report::{self, Expiry, ExpiryKind, Log, Problem, Report, ServiceState, Severity};
use super::{Facts, QuorumFacts, entries};

/// How long entries may wait while a log's checkpoint stands still.
const STALLED_AFTER: Duration = Duration::from_secs(10);
/// Entries in a report.
const NEWEST: u64 = 10;
/// Seconds that an issuer or a witness may fail before anybody is told.
const PATIENCE: i64 = 300;
const DAY: i64 = 86_400;

/// When a log was last seen to move while entries waited.
#[derive(Debug, Default)]
pub(crate) struct Stalls(Mutex<HashMap<String, (Option<u64>, Instant)>>);

impl Stalls {
    /// Whether entries have waited too long for the log `name` to grow past `size`.
    fn look(&self, name: &str, size: Option<u64>, waiting: u64) -> bool {
        let mut logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting == 0 {
            logs.remove(name);
            return false;
        }
        let now = Instant::now();
        let seen = logs.entry(name.to_owned()).or_insert((size, now));
        if seen.0 != size {
            *seen = (size, now);
        }
        now.duration_since(seen.1) >= STALLED_AFTER
    }
}

/// What people are shown of `facts`. Blocks: it reads the checkpoints and, if asked, the newest entries.
pub(crate) fn report(facts: Facts, stalls: &Stalls, with_entries: bool) -> Report {
    let mut problems = Problems(Vec::new());
    let mut newest = Vec::new();
    let mut logs = Vec::with_capacity(facts.logs.len());
    for log in &facts.logs {
        let published = log.published();
        match (&log.failure, &published) {
            (Some(reason), _) => problems.fault(
                "log-stopped",
                &log.name,
                format!("the log has stopped: {reason}"),
            ),
            (None, Err(reason)) => problems.fault(
                "checkpoint-unreadable",
                &log.name,
                format!("the published checkpoint cannot be read: {reason}"),
            ),
            (None, Ok(_)) => {}
        }
        let published = published.ok();
        let size = published.as_ref().map(|published| published.size);
        let waiting = log
            .waiting
            .map(|waiting| u64::try_from(waiting).unwrap_or(u64::MAX));
        if log.failure.is_none() && stalls.look(&log.name, size, waiting.unwrap_or(0)) {
            problems.fault(
                "queue-stalled",
                &log.name,
                "entries wait, and the checkpoint does not move".to_owned(),
            );
        }
        if with_entries && log.active && log.kind == report::LogKind::Signatures {
            let size = size.unwrap_or(0);
            match entries::newest(&log.name, &log.reader(), size, size, NEWEST) {
                Ok(found) => newest = found,
                Err(error) => problems.fault(
                    "entries-unreadable",
                    &log.name,
                    format!("the newest entries cannot be read: {error}"),
                ),
            }
        }
        logs.push(Log {
            name: log.name.clone(),
            kind: log.kind,
            origin: log.origin.clone(),
            url: format!("{}{}", facts.url, log.prefix),
            active: log.active,
            end: log.end,
            size,
            root: published.map(|published| hex::encode(published.root)),
            checkpoint_at: log.published_at(),
            waiting,
            failure: log.failure.clone(),
        });
    }
    logs.sort_by_key(|log| !log.active);

    let services = facts
        .services
        .into_iter()
        .map(|service| {
            if let (ServiceState::On, Some(problem)) = (service.state, &service.problem) {
                problems.fault("service-down", service.name, problem.clone());
            }
            report::Service {
                name: service.name.to_owned(),
                state: service.state,
                url: service.url,
                problem: service.problem,
            }
        })
        .collect();
    if let Some(problem) = facts.clock {
        problems.fault("clock", "clock", problem);
    }
    // No fault yet: all goes on as before, until what was due is overdue.
    if let Some(reason) = facts.upkeep {
        let message = format!("what is due cannot be done: {reason}");
        problems.warn("upkeep-failing", "upkeep", message);
    }
    let mut expiries: Vec<_> = facts
        .expiries
        .into_iter()
        .map(|expiry| judge_expiry(expiry, facts.now, &mut problems))
        .collect();
    expiries.sort_by_key(|expiry| expiry.at);

    let issuers = facts
        .issuers
        .into_iter()
        .map(|issuer| {
            if is_long_ago(issuer.failing_since, facts.now) {
                let message = "the issuer's keys cannot be fetched".to_owned();
                problems.warn("issuer-failing", &issuer.url, message);
            }
            report::Issuer {
                url: issuer.url,
                keys_fetched: issuer.keys_fetched,
                failing_since: issuer.failing_since,
            }
        })
        .collect();
    let witnesses = facts
        .witnesses
        .into_iter()
        .map(|witness| {
            if is_long_ago(witness.failing_since, facts.now) {
                let message = "the witness gives no cosignature".to_owned();
                problems.warn("witness-failing", &witness.name, message);
            }
            report::Witness {
                name: witness.name,
                cosigned_at: witness.cosigned_at,
                failing_since: witness.failing_since,
                failures: witness.failures,
            }
        })
        .collect();

    if let Some(quorum) = facts.quorum {
        judge_quorum(quorum, &mut problems);
    }
    let mut problems = problems.0;
    problems.sort_by_key(|problem| problem.severity);
    Report {
        version: report::VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        id: facts.id,
        url: facts.url,
        now: facts.now,
        started: facts.started,
        ready: problems
            .iter()
            .all(|problem| problem.severity != Severity::Fault),
        problems,
        services,
        logs,
        expiries,
        issuers,
        witnesses,
        entries: newest,
    }
}

fn judge_quorum(quorum: QuorumFacts, problems: &mut Problems) {
    match (quorum.missing_since, quorum.fails_open) {
        (None, false) => {}
        (None, true) => problems.warn(
            "witnesses-fail-open",
            "log",
            "checkpoints are published even when no quorum of witnesses cosigns them".to_owned(),
        ),
        (Some(since), true) => problems.warn(
            "quorum-missing",
            "log",
            format!("no quorum of witnesses has cosigned since {since}; checkpoints are published all the same"),
        ),
        (Some(since), false) => problems.fault(
            "quorum-missing",
            "log",
            format!("no quorum of witnesses has cosigned since {since}: no entry is answered"),
        ),
    }
}

fn judge_expiry(expiry: super::Expiry, now: Time, problems: &mut Problems) -> Expiry {
    let left = expiry.at.unix().saturating_sub(now.unix());
    let thing = match expiry.kind {
        ExpiryKind::Certificate => "the certificate",
        ExpiryKind::Tuf => "the TUF metadata",
    };
    let severity = if left < 0 {
        let message = format!("{thing} expired at {}", expiry.at);
        problems.fault("expired", &expiry.what, message);
        Some(Severity::Fault)
    } else if left < warned_before(&expiry) {
        let message = format!("{thing} expires at {}", expiry.at);
        problems.warn("expires-soon", &expiry.what, message);
        Some(Severity::Warning)
    } else {
        None
    };
    Expiry {
        kind: expiry.kind,
        what: expiry.what,
        at: expiry.at,
        days_left: left.div_euclid(DAY),
        severity,
    }
}

/// Seconds before its end that somebody is told. What the instance itself renews is only spoken of when it has not.
fn warned_before(expiry: &super::Expiry) -> i64 {
    match (expiry.kind, expiry.what.as_str()) {
        (ExpiryKind::Tuf, "timestamp" | "snapshot") => 2 * DAY,
        _ => 30 * DAY,
    }
}

fn is_long_ago(since: Option<Time>, now: Time) -> bool {
    since.is_some_and(|since| now.unix().saturating_sub(since.unix()) >= PATIENCE)
}

struct Problems(Vec<Problem>);

impl Problems {
    fn fault(&mut self, code: &str, what: &str, message: String) {
        self.add(Severity::Fault, code, what, message);
    }

    fn warn(&mut self, code: &str, what: &str, message: String) {
        self.add(Severity::Warning, code, what, message);
    }

    fn add(&mut self, severity: Severity, code: &str, what: &str, message: String) {
        self.0.push(Problem {
            severity,
            code: code.to_owned(),
            what: what.to_owned(),
            message,
        });
    }
}

#[cfg(test)]
mod tests;
