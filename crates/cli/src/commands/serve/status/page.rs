//! The status of an instance for a terminal.

use std::fmt::Write as _;

use signhere_pki::time::Time;
use signhere_serve::status::report::{
    Entry, Expiry, Log, Problem, Report, Service, ServiceState, Severity,
};

use crate::output::style::{BAD, BOLD, DIM, WARN, cross, paint, tick};
use crate::output::text::safe;

/// Characters of a digest: enough to tell entries apart.
const DIGEST: usize = 12;

/// The page. Whatever came from the instance is made safe for a terminal.
pub(super) fn render(report: &Report) -> String {
    let mut page = Page(String::new());
    page.head(report);
    page.problems(&report.problems);
    page.services(&report.services);
    page.logs(&report.logs, report.now);
    page.expiries(&report.expiries);
    page.people(report);
    page.entries(&report.entries);
    page.0
}

struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn title(&mut self, title: &str) {
        let title = paint(BOLD, title);
        self.line(&format!("\n{title}"));
    }

    fn head(&mut self, report: &Report) {
        let faults = report.faults().count();
        let (mark, says) = match (faults, report.problems.len()) {
            (0, 0) => (tick(), "all is well".to_owned()),
            (0, more) => (paint(WARN, "!"), format!("all works; to look at: {more}")),
            (more, _) => (cross(), format!("does not work: {more}")),
        };
        let about = format!(
            "{}  up {}  signhere {}",
            safe(&report.url),
            span(between(report.started, report.now)),
            safe(&report.program)
        );
        self.line(&format!(
            "{mark} {}  {}",
            paint(BOLD, says),
            paint(DIM, about)
        ));
    }

    fn problems(&mut self, problems: &[Problem]) {
        for problem in problems {
            let what = safe(&problem.what);
            let what = match problem.severity {
                Severity::Fault => paint(BAD, what),
                Severity::Warning => paint(WARN, what),
            };
            let (message, code) = (safe(&problem.message), paint(DIM, safe(&problem.code)));
            self.line(&format!("  {what}  {message}  {code}"));
        }
    }

    fn services(&mut self, services: &[Service]) {
        self.title("Services");
        let mut line = String::from(" ");
        for service in services {
            let name = safe(&service.name);
            let _ = match (service.state, &service.problem) {
                (ServiceState::On, None) => write!(line, " {} {name} ", tick()),
                (ServiceState::On, Some(_)) => write!(line, " {} {name} ", cross()),
                (ServiceState::External, _) => {
                    write!(line, " {} ", paint(DIM, format!("→ {name}")))
                }
                (ServiceState::Off, _) => write!(line, " {} ", paint(DIM, format!("– {name}"))),
            };
        }
        self.line(&line);
    }

    fn logs(&mut self, logs: &[Log], now: Time) {
        self.title("Logs");
        let width = widest(logs.iter().map(|log| safe(&log.name).chars().count()));
        for log in logs {
            let name = safe(&log.name);
            let size = log
                .size
                .map_or_else(|| "?".to_owned(), |size| size.to_string());
            let checkpoint = log.checkpoint_at.map_or_else(
                || "no checkpoint".to_owned(),
                |at| format!("checkpoint {} ago", span(between(at, now))),
            );
            let state = match (&log.failure, log.active) {
                (Some(_), _) => paint(BAD, "stopped  "),
                (None, true) => String::new(),
                (None, false) => paint(DIM, "closed  "),
            };
            let origin = paint(DIM, safe(&log.origin));
            self.line(&format!(
                "  {name:width$}  {size:>10} entries  {checkpoint:<28}{state}{origin}"
            ));
        }
    }

    fn expiries(&mut self, expiries: &[Expiry]) {
        if expiries.is_empty() {
            return;
        }
        self.title("Expires");
        let width = widest(
            expiries
                .iter()
                .map(|expiry| safe(&expiry.what).chars().count()),
        );
        for expiry in expiries {
            let what = safe(&expiry.what);
            let left = match expiry.days_left {
                ..0 => "expired".to_owned(),
                0 => "today".to_owned(),
                1 => "1 day".to_owned(),
                days => format!("{days} days"),
            };
            let (mark, left) = match expiry.severity {
                None => (tick(), format!("{left:>10}")),
                Some(Severity::Warning) => (paint(WARN, "!"), paint(WARN, format!("{left:>10}"))),
                Some(Severity::Fault) => (cross(), paint(BAD, format!("{left:>10}"))),
            };
            let at = paint(DIM, expiry.at);
            self.line(&format!("  {mark} {what:width$}  {left}  {at}"));
        }
    }

    /// Issuers and witnesses.
    fn people(&mut self, report: &Report) {
        let issuers = report.issuers.iter().map(|issuer| {
            let known = issuer.keys_fetched.map(|at| format!("keys of {at}"));
            (&issuer.url, issuer.failing_since, known)
        });
        self.list("Issuers", issuers.collect());
        let witnesses = report.witnesses.iter().map(|witness| {
            let known = witness.cosigned_at.map(|at| format!("cosigned at {at}"));
            (&witness.name, witness.failing_since, known)
        });
        self.list("Witnesses", witnesses.collect());
    }

    fn list(&mut self, title: &str, rows: Vec<(&String, Option<Time>, Option<String>)>) {
        if rows.is_empty() {
            return;
        }
        self.title(title);
        for (name, failing_since, known) in rows {
            let name = safe(name);
            self.line(&match failing_since {
                Some(since) => format!(
                    "  {} {name}  {}",
                    cross(),
                    paint(BAD, format!("fails since {since}"))
                ),
                None => format!(
                    "  {} {name}  {}",
                    tick(),
                    paint(DIM, known.unwrap_or_default())
                ),
            });
        }
    }

    fn entries(&mut self, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        self.title("Last entries");
        for entry in entries {
            let who = match (&entry.identity, &entry.key) {
                (Some(identity), _) => safe(identity).into_owned(),
                (None, Some(_)) => "a key".to_owned(),
                (None, None) => "unknown".to_owned(),
            };
            let by = entry
                .issuer
                .as_deref()
                .map(|issuer| format!("by {}", safe(issuer)));
            let digest: String = safe(entry.digest.as_deref().unwrap_or("?"))
                .chars()
                .take(DIGEST)
                .collect();
            let about = paint(DIM, by.unwrap_or_default());
            self.line(&format!(
                "  {:>10}  {digest:DIGEST$}  {who}  {about}",
                entry.index
            ));
        }
    }
}

fn widest(widths: impl Iterator<Item = usize>) -> usize {
    widths.max().unwrap_or(0)
}

fn between(start: Time, end: Time) -> i64 {
    end.unix().saturating_sub(start.unix()).max(0)
}

/// A span of time in its largest unit.
fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use signhere_serve::status::report::{ExpiryKind, LogKind};

    use super::*;

    const NOW: Time = Time::from_unix(1_795_000_000);

    fn report() -> Report {
        Report {
            version: 1,
            program: "0.1.0".to_owned(),
            id: "0a1b".to_owned(),
            url: "http://127.0.0.1:3003".to_owned(),
            now: NOW,
            started: NOW.plus_seconds(-7_200),
            ready: false,
            problems: vec![Problem {
                severity: Severity::Fault,
                code: "expired".to_owned(),
                what: "timestamp".to_owned(),
                message: "the TUF metadata expired".to_owned(),
            }],
            services: vec![
                Service {
                    name: "ca".to_owned(),
                    state: ServiceState::On,
                    url: None,
                    problem: None,
                },
                Service {
                    name: "tsa".to_owned(),
                    state: ServiceState::Off,
                    url: None,
                    problem: None,
                },
            ],
            logs: vec![Log {
                name: "log-1".to_owned(),
                kind: LogKind::Signatures,
                origin: "log-1.example".to_owned(),
                url: "http://127.0.0.1:3003/log-1".to_owned(),
                active: true,
                end: None,
                size: Some(1234),
                root: None,
                checkpoint_at: Some(NOW.plus_seconds(-5)),
                waiting: Some(0),
                failure: None,
            }],
            expiries: vec![Expiry {
                kind: ExpiryKind::Tuf,
                what: "timestamp".to_owned(),
                at: NOW.plus_seconds(-1),
                days_left: -1,
                severity: Some(Severity::Fault),
            }],
            issuers: Vec::new(),
            witnesses: Vec::new(),
            entries: vec![Entry {
                log: "log-1".to_owned(),
                index: 1233,
                algorithm: Some("sha256".to_owned()),
                digest: Some("0123456789abcdef".to_owned()),
                identity: Some("ada\u{1b}[2J@example.org".to_owned()),
                issuer: Some("https://issuer.example".to_owned()),
                not_before: None,
                not_after: None,
                key: None,
            }],
        }
    }

    #[test]
    fn a_page_tells_what_matters_first_and_obeys_nobody() {
        let shown = anstream::adapter::strip_str(&render(&report())).to_string();
        let expected = "\
✗ does not work: 1  http://127.0.0.1:3003  up 2 h  signhere 0.1.0
  timestamp  the TUF metadata expired  expired

Services
  ✓ ca  – tsa

Logs
  log-1        1234 entries  checkpoint 5 s ago          log-1.example

Expires
  ✗ timestamp     expired  2026-11-18T11:06:39Z

Last entries
        1233  0123456789ab  ada\\u{1b}[2J@example.org  by https://issuer.example
";
        assert_eq!(shown, expected);
    }
}
