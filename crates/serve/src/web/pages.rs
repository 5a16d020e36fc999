//! What the pages show, made ready for their templates. Askama escapes every value.

use askama::Template;
use signhere_log::merkle::Hash;
use signhere_pki::cert::Certificate;
use signhere_pki::fulcio;
use signhere_pki::time::Time;

use crate::http::problem::Problem;
use crate::status::report::{Entry, Log, LogKind, Report, ServiceState, Severity};
use crate::status::{LogFacts, Published, entries};

pub(super) fn render(template: &impl Template) -> Result<String, Problem> {
    template.render().map_err(|_| Problem::internal())
}

/// The first page.
#[derive(Template)]
#[template(path = "web/home.html")]
pub(super) struct Home<'a> {
    report: &'a Report,
    state: &'static str,
    says: String,
    uptime: String,
    services: Vec<Mark<'a>>,
    logs: Vec<LogRow<'a>>,
    expiries: Vec<ExpiryRow<'a>>,
    entries: Vec<EntryRow<'a>>,
    searched: Option<&'a str>,
}

/// A service with the word and the colour for it.
struct Mark<'a> {
    name: &'static str,
    short: &'a str,
    state: &'static str,
    word: &'static str,
}

struct LogRow<'a> {
    log: &'a Log,
    holds: &'static str,
    size: String,
    ago: String,
    is_browsable: bool,
}

struct ExpiryRow<'a> {
    what: &'a str,
    at: Time,
    state: &'static str,
    left: String,
}

struct EntryRow<'a> {
    entry: &'a Entry,
    who: &'a str,
    when: String,
    digest: &'a str,
}

impl<'a> Home<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        let faults = report.faults().count();
        let (state, says) = match (faults, report.problems.len()) {
            (0, 0) => ("good", "All is well".to_owned()),
            (0, 1) => ("warn", "All works; one thing to look at".to_owned()),
            (0, more) => ("warn", format!("All works; {more} things to look at")),
            (1, _) => ("bad", "One thing does not work".to_owned()),
            (more, _) => ("bad", format!("{more} things do not work")),
        };
        let active = report
            .logs
            .iter()
            .find(|log| log.active && log.kind == LogKind::Signatures);
        Self {
            report,
            state,
            says,
            uptime: span(seconds_between(report.started, report.now)),
            services: report.services.iter().map(service).collect(),
            logs: report
                .logs
                .iter()
                .map(|log| log_row(log, report.now))
                .collect(),
            expiries: report
                .expiries
                .iter()
                .map(|expiry| ExpiryRow {
                    what: &expiry.what,
                    at: expiry.at,
                    state: state_of(expiry.severity),
                    left: days(expiry.days_left),
                })
                .collect(),
            entries: report.entries.iter().map(entry_row).collect(),
            searched: active.map(|log| log.name.as_str()),
        }
    }
}

/// A page of a log.
#[derive(Template)]
#[template(path = "web/listing.html")]
pub(super) struct Listing<'a> {
    log: &'a LogFacts,
    size: String,
    last: u64,
    entries: Vec<EntryRow<'a>>,
    newer: Option<u64>,
    older: Option<u64>,
}

impl<'a> Listing<'a> {
    pub(super) fn new(
        log: &'a LogFacts,
        size: u64,
        before: u64,
        found: &'a [Entry],
        page: u64,
    ) -> Self {
        let newer = before.saturating_add(page).min(size);
        let older = before.saturating_sub(page);
        Self {
            log,
            size: grouped(size),
            last: size.saturating_sub(1),
            entries: found.iter().map(entry_row).collect(),
            newer: (before < size).then_some(newer),
            older: (older > 0).then_some(older),
        }
    }
}

/// What a search found.
#[derive(Template)]
#[template(path = "web/found.html")]
pub(super) struct Found<'a> {
    sought: &'a str,
    complaint: Option<&'a str>,
    entries: Vec<EntryRow<'a>>,
}

impl<'a> Found<'a> {
    pub(super) fn new(sought: &'a str, found: &'a [Entry]) -> Self {
        Self {
            sought,
            complaint: None,
            entries: found.iter().map(entry_row).collect(),
        }
    }

    pub(super) fn complaint(sought: &'a str, complaint: &'a str) -> Self {
        Self {
            sought,
            complaint: Some(complaint),
            entries: Vec::new(),
        }
    }
}

/// An entry with its evidence.
#[derive(Template)]
#[template(path = "web/entry.html")]
pub(super) struct EntryPage<'a> {
    log: &'a LogFacts,
    entry: Entry,
    who: String,
    certificate: Option<Shown>,
    size: u64,
    root: String,
    proof: Vec<String>,
    checkpoint: &'a str,
    bytes: usize,
}

/// A certificate, for people.
struct Shown {
    serial: String,
    life: String,
    extensions: Vec<(&'static str, String)>,
    pem: String,
}

impl<'a> EntryPage<'a> {
    pub(super) fn new(
        log: &'a LogFacts,
        index: u64,
        body: &[u8],
        published: &'a Published,
        proof: &[Hash],
    ) -> Self {
        let entry = entries::summary(&log.name, index, body);
        Self {
            log,
            who: who(&entry).to_owned(),
            certificate: entries::certificate(body).as_ref().map(shown),
            size: published.size,
            root: hex::encode(published.root),
            proof: proof.iter().map(hex::encode).collect(),
            checkpoint: &published.note,
            bytes: body.len(),
            entry,
        }
    }
}

fn shown(certificate: &Certificate) -> Shown {
    let life = seconds_between(certificate.not_before(), certificate.not_after());
    Shown {
        serial: certificate.serial_hex(),
        life: span(life),
        extensions: fulcio::all(certificate)
            .into_iter()
            .map(|(_, meaning, text)| (meaning, text))
            .collect(),
        pem: certificate.to_pem(),
    }
}

fn service(service: &crate::status::report::Service) -> Mark<'_> {
    let name = match service.name.as_str() {
        "oidc" => "Identity issuer",
        "ca" => "Certificate authority",
        "ct" => "Certificate log",
        "log" => "Signature log",
        "tsa" => "Timestamp authority",
        "tuf" => "Trust repository",
        "witness" => "Witness for others",
        _ => "Service",
    };
    let (state, word) = match (service.state, &service.problem) {
        (ServiceState::On, None) => ("good", "works"),
        (ServiceState::On, Some(_)) => ("bad", "does not work"),
        (ServiceState::External, _) => ("plain", "elsewhere"),
        (ServiceState::Off, _) => ("plain", "off"),
    };
    Mark {
        name,
        short: &service.name,
        state,
        word,
    }
}

fn log_row(log: &Log, now: Time) -> LogRow<'_> {
    LogRow {
        log,
        holds: match log.kind {
            LogKind::Signatures => "signatures",
            LogKind::Certificates => "certificates",
        },
        size: log.size.map_or_else(|| "unknown".to_owned(), grouped),
        ago: log.checkpoint_at.map_or_else(
            || "never".to_owned(),
            |at| format!("{} ago", span(seconds_between(at, now))),
        ),
        is_browsable: log.kind == LogKind::Signatures,
    }
}

fn entry_row(entry: &Entry) -> EntryRow<'_> {
    EntryRow {
        entry,
        who: who(entry),
        when: entry
            .not_before
            .map(|at| at.to_string())
            .unwrap_or_default(),
        digest: entry.digest.as_deref().unwrap_or("not shown"),
    }
}

fn who(entry: &Entry) -> &str {
    match (&entry.identity, &entry.key) {
        (Some(identity), _) => identity,
        (None, Some(_)) => "a key",
        (None, None) => "unknown",
    }
}

fn state_of(severity: Option<Severity>) -> &'static str {
    match severity {
        None => "good",
        Some(Severity::Warning) => "warn",
        Some(Severity::Fault) => "bad",
    }
}

fn seconds_between(start: Time, end: Time) -> i64 {
    end.unix().saturating_sub(start.unix()).max(0)
}

/// A span of time in its largest unit.
fn span(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{s}")
}

fn days(left: i64) -> String {
    match left {
        ..0 => "expired".to_owned(),
        0 => "today".to_owned(),
        1 => "1 day".to_owned(),
        _ => format!("{left} days"),
    }
}

/// A number with its thousands apart, by thin spaces.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && digits.len().saturating_sub(position) % 3 == 0 {
            out.push('\u{2009}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_are_for_people() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1234567), "1\u{2009}234\u{2009}567");
        assert_eq!(span(1), "1 second");
        assert_eq!(span(600), "10 minutes");
        assert_eq!(span(172_800), "2 days");
        assert_eq!(
            (days(-1), days(0), days(31)),
            ("expired".into(), "today".into(), "31 days".into())
        );
    }
}
