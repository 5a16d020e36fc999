//! What is wrong, by facts that a test has made.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use signhere_log::storage::{Objects, StorageError};

use super::*;
use crate::status::sample::{NOW, Sample};
use crate::status::{Expiry as ExpiryFacts, IssuerFacts, QuorumFacts, WitnessFacts};

fn judged(change: impl FnOnce(&mut Facts)) -> Report {
    let mut facts = Sample::new_facts();
    change(&mut facts.1);
    report(facts.1, &Stalls::default(), true)
}

fn said(report: &Report) -> Vec<(Severity, &str, &str)> {
    report
        .problems
        .iter()
        .map(|problem| {
            (
                problem.severity,
                problem.code.as_str(),
                problem.what.as_str(),
            )
        })
        .collect()
}

#[test]
fn where_nothing_is_wrong_nothing_is_said() {
    let report = judged(|_| {});
    assert!(report.ready);
    assert_eq!(said(&report), []);
    assert_eq!(report.logs[0].size, Some(1));
    assert_eq!(report.entries.len(), 1);
    assert_eq!(
        report.entries[0].identity.as_deref(),
        Some("https://ci.example/job")
    );
    assert_eq!(report.expiries[0].days_left, 6);
}

#[test]
fn each_fault_is_named_and_warnings_come_last() {
    let report = judged(|facts| {
        facts.clock = Some("it was set back by 60 s".to_owned());
        facts.upkeep = Some("disk full".to_owned());
        facts.services[1].problem = Some("the issuing key is away".to_owned());
        facts.logs[0].failure = Some("disk full".to_owned());
        let expiry = |kind, what: &str, seconds| ExpiryFacts {
            kind,
            what: what.to_owned(),
            at: NOW.plus_seconds(seconds),
        };
        facts.expiries = vec![
            expiry(ExpiryKind::Certificate, "ca-1", 29 * DAY),
            expiry(ExpiryKind::Certificate, "tsa-1", 31 * DAY),
            expiry(ExpiryKind::Tuf, "timestamp", -1),
            expiry(ExpiryKind::Tuf, "snapshot", 3 * DAY),
        ];
        facts.issuers = vec![IssuerFacts {
            url: "https://issuer.example".to_owned(),
            keys_fetched: None,
            failing_since: Some(NOW.plus_seconds(-PATIENCE)),
        }];
        facts.witnesses = vec![WitnessFacts {
            name: "w.example".to_owned(),
            cosigned_at: None,
            failing_since: Some(NOW.plus_seconds(1 - PATIENCE)),
            failures: 3,
        }];
    });
    assert!(!report.ready);
    assert_eq!(
        said(&report),
        [
            (Severity::Fault, "log-stopped", "log-1"),
            (Severity::Fault, "service-down", "ca"),
            (Severity::Fault, "clock", "clock"),
            (Severity::Fault, "expired", "timestamp"),
            (Severity::Warning, "upkeep-failing", "upkeep"),
            (Severity::Warning, "expires-soon", "ca-1"),
            (
                Severity::Warning,
                "issuer-failing",
                "https://issuer.example"
            ),
        ]
    );
    let days: Vec<_> = report
        .expiries
        .iter()
        .map(|expiry| (expiry.what.as_str(), expiry.days_left))
        .collect();
    assert_eq!(
        days,
        [
            ("timestamp", -1),
            ("snapshot", 3),
            ("ca-1", 29),
            ("tsa-1", 31)
        ]
    );
}

#[test]
fn a_missing_quorum_is_a_fault_unless_the_log_goes_on_without() {
    let cases = [
        (None, false, None),
        (
            None,
            true,
            Some((Severity::Warning, "witnesses-fail-open", "log")),
        ),
        (
            Some(NOW),
            true,
            Some((Severity::Warning, "quorum-missing", "log")),
        ),
        (
            Some(NOW),
            false,
            Some((Severity::Fault, "quorum-missing", "log")),
        ),
    ];
    for (missing_since, fails_open, expected) in cases {
        let report = judged(|facts| {
            facts.quorum = Some(QuorumFacts {
                fails_open,
                missing_since,
            });
        });
        assert_eq!(said(&report), Vec::from_iter(expected));
        assert_eq!(report.ready, missing_since.is_none() || fails_open);
    }
}

#[test]
fn a_checkpoint_that_is_gone_is_a_fault() {
    let (sample, facts) = Sample::new_facts();
    std::fs::remove_file(sample.folder().join("tiles/checkpoint")).unwrap();
    let report = report(facts, &Stalls::default(), true);
    assert_eq!(
        said(&report),
        [(Severity::Fault, "checkpoint-unreadable", "log-1")]
    );
    assert_eq!(report.logs[0].size, None);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_move_is_a_fault_after_a_while() {
    let sample = Sample::new_facts().0;
    let stalls = Stalls::default();
    let look = |waiting| {
        let mut facts = sample.facts();
        facts.logs[0].waiting = Some(waiting);
        report(facts, &stalls, false).ready
    };
    assert!(look(5));
    tokio::time::advance(STALLED_AFTER - Duration::from_millis(1)).await;
    assert!(look(5));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!look(5));
    assert!(look(0));
    assert!(look(5));
}

/// Objects whose entries are not read before somebody allows it.
struct Slow {
    objects: Arc<dyn Objects>,
    begun: Mutex<Sender<()>>,
    allowed: Mutex<Receiver<()>>,
}

impl Objects for Slow {
    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.objects.put(path, bytes)
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StorageError> {
        if path.starts_with("tile/entries") {
            self.begun.lock().unwrap().send(()).unwrap();
            self.allowed.lock().unwrap().recv().unwrap();
        }
        self.objects.get(path)
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.objects.sync()
    }
}

#[test]
fn whoever_asks_for_readiness_does_not_wait_for_who_reads_entries() {
    let (sample, mut slow) = Sample::new_facts();
    let ((begun, begins), (allow, allowed)) = (channel(), channel());
    slow.logs[0].objects = Arc::new(Slow {
        objects: Arc::clone(&slow.logs[0].objects),
        begun: Mutex::new(begun),
        allowed: Mutex::new(allowed),
    });
    let stalls = Arc::new(Stalls::default());
    let of_reader = Arc::clone(&stalls);
    let reader = std::thread::spawn(move || report(slow, &of_reader, true));
    begins.recv().unwrap();
    let (facts, (answer, answered)) = (sample.facts(), channel());
    std::thread::spawn(move || answer.send(report(facts, &stalls, false).ready).unwrap());
    let ready = answered.recv_timeout(Duration::from_secs(60));
    allow.send(()).unwrap();
    assert_eq!((ready, reader.join().unwrap().entries.len()), (Ok(true), 1));
}
