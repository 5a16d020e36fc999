use proptest::prelude::*;
use signhere_pki::key::{KeyKind, PrivateKey};

use super::*;
use crate::merkle::tests::Naive;
use crate::merkle::{EMPTY_ROOT, leaf_hash};
use crate::note::NoteSigner;
use crate::proof;
use crate::tree::Tree;

const ORIGIN: &str = "log.example";

/// A log that can sign anything, honest or not.
struct Log {
    signer: NoteSigner,
    leaves: Vec<Hash>,
}

impl Log {
    fn new(history: &str, size: u64) -> Self {
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        Self {
            signer: NoteSigner::new(ORIGIN, Box::new(key)).unwrap(),
            leaves: leaves(history, size),
        }
    }

    fn root(&self, size: u64) -> Hash {
        Naive::root(&self.leaves[..usize::try_from(size).unwrap()])
    }

    fn head(&self, size: u64) -> TreeHead {
        TreeHead {
            size,
            root: self.root(size),
        }
    }

    fn note(&self, size: u64, root: Hash) -> String {
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size,
            root,
            extensions: Vec::new(),
        };
        checkpoint.sign(&self.signer).unwrap()
    }

    fn proof(&self, old: u64, new: u64) -> Vec<Hash> {
        let mut tree = Tree::default();
        for leaf in &self.leaves[..usize::try_from(new).unwrap()] {
            assert!(tree.push(*leaf));
        }
        proof::consistency(&tree, old, new).unwrap()
    }

    fn request(&self, old: u64, new: u64) -> AddCheckpoint {
        let note = self.note(new, self.root(new));
        AddCheckpoint::parse(&AddCheckpoint::body(old, &self.proof(old, new), &note)).unwrap()
    }

    fn admit(
        &self,
        latest: Option<TreeHead>,
        request: &AddCheckpoint,
    ) -> Result<TreeHead, WitnessRefusal> {
        let admitted = request.admit(ORIGIN, latest.as_ref(), self.signer.verifier())?;
        Ok(TreeHead {
            size: admitted.size,
            root: admitted.root,
        })
    }
}

fn leaves(history: &str, size: u64) -> Vec<Hash> {
    (0..size)
        .map(|n| leaf_hash(format!("{history} {n}").as_bytes()))
        .collect()
}

#[test]
fn a_log_that_only_grows_is_cosigned() {
    let log = Log::new("a", 40);
    let mut latest = None;
    for size in [0, 1, 1, 2, 7, 8, 8, 31, 40] {
        let old = latest.map_or(0, |head: TreeHead| head.size);
        let head = log.admit(latest, &log.request(old, size));
        assert_eq!(head, Ok(log.head(size)));
        latest = head.ok();
    }
}

#[test]
fn a_request_from_another_size_is_told_the_size() {
    let log = Log::new("a", 20);
    for (old, new) in [(0, 20), (9, 20), (11, 20), (20, 20)] {
        assert_eq!(
            log.admit(Some(log.head(10)), &log.request(old, new)),
            Err(WitnessRefusal::Conflict { seen: 10 })
        );
    }
    assert_eq!(
        log.admit(None, &log.request(3, 20)),
        Err(WitnessRefusal::Conflict { seen: 0 })
    );
    // Smaller than what was seen: never cosigned, with whatever proof.
    assert_eq!(
        log.admit(Some(log.head(10)), &log.request(5, 9)),
        Err(WitnessRefusal::Conflict { seen: 10 })
    );
    let mut request = log.request(9, 9);
    request.old_size = 10;
    assert_eq!(
        log.admit(Some(log.head(10)), &request),
        Err(WitnessRefusal::OldSize { old: 10, new: 9 })
    );
}

/// One log, two histories: the second is refused at every size.
#[test]
fn a_split_view_is_refused() {
    let log = Log::new("a", 10);
    let fork = Log {
        signer: log.signer,
        leaves: leaves("b", 20),
    };
    let honest = Log {
        signer: NoteSigner::new(
            ORIGIN,
            Box::new(PrivateKey::generate(KeyKind::Ed25519).unwrap()),
        )
        .unwrap(),
        leaves: log.leaves,
    };
    let seen = honest.head(10);
    for size in [10, 11, 16, 20] {
        let refused = fork.admit(Some(seen), &fork.request(10, size));
        assert!(
            matches!(
                refused,
                Err(WitnessRefusal::Inconsistent(
                    ProofError::OldRootMismatch { .. } | ProofError::RootMismatch { .. }
                ))
            ),
            "{size}: {refused:?}"
        );
    }
}

#[test]
fn a_log_is_known_by_its_origin() {
    let log = Log::new("a", 3);
    assert_eq!(
        log.request(0, 3)
            .admit("other.example", None, log.signer.verifier()),
        Err(WitnessRefusal::UnknownLog)
    );
}

#[test]
fn the_empty_tree_has_one_root_and_takes_no_proof() {
    let log = Log::new("a", 3);
    let parse = |old, proof: &[Hash], note: &str| {
        AddCheckpoint::parse(&AddCheckpoint::body(old, proof, note)).unwrap()
    };
    let other = parse(0, &[], &log.note(0, [1; 32]));
    assert!(matches!(
        log.admit(None, &other),
        Err(WitnessRefusal::Inconsistent(_))
    ));
    let empty = parse(0, &[], &log.note(0, EMPTY_ROOT));
    assert_eq!(log.admit(None, &empty), Ok(TreeHead::EMPTY));
    let proven = parse(0, &[[1; 32]], &log.note(3, log.root(3)));
    let length = ProofError::Length {
        expected: 0,
        found: 1,
    };
    assert_eq!(
        log.admit(None, &proven),
        Err(WitnessRefusal::Inconsistent(length))
    );
}

#[test]
fn only_the_logs_own_key_counts() {
    let (log, other) = (Log::new("a", 3), Log::new("a", 3));
    let name = || ORIGIN.to_owned();
    assert_eq!(
        log.admit(None, &other.request(0, 3)),
        Err(WitnessRefusal::Signature(NoteError::NotSignedBy {
            name: name()
        }))
    );
    // A second line of the same key that is no signature: the note is malformed.
    let good = log.note(3, log.root(3));
    let wrong = log.note(2, log.root(2));
    let (_, line) = wrong.rsplit_once("\n\n").unwrap();
    let both = format!("{good}{line}");
    let request = AddCheckpoint::parse(&AddCheckpoint::body(0, &[], &both)).unwrap();
    assert_eq!(
        log.admit(None, &request),
        Err(WitnessRefusal::Signature(NoteError::SignatureInvalid {
            name: name()
        }))
    );
    // Lines of others do not matter.
    let (_, line) = {
        let note = other.note(3, other.root(3));
        let (text, line) = note.rsplit_once("\n\n").unwrap();
        (text.to_owned(), line.to_owned())
    };
    let both = format!("{good}{line}");
    let request = AddCheckpoint::parse(&AddCheckpoint::body(0, &[], &both)).unwrap();
    assert_eq!(log.admit(None, &request), Ok(log.head(3)));
}

#[test]
fn the_example_of_the_specification_is_read() {
    let body = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
        \n\
        example.com/behind-the-sofa\n\
        20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
        \n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";
    let request = AddCheckpoint::parse(body.as_bytes()).unwrap();
    assert_eq!(request.old_size, 20_852_014);
    assert_eq!(request.proof.len(), 4);
    assert_eq!(request.signed.checkpoint.size, 20_852_163);
    assert_eq!(request.signed.note.signatures().len(), 2);
    let (_, note) = body.split_once("\n\n").unwrap();
    let again = AddCheckpoint::body(request.old_size, &request.proof, note);
    assert_eq!(String::from_utf8(again).unwrap(), body);
}

#[test]
fn malformed_requests_are_refused_each_for_its_reason() {
    let log = Log::new("a", 3);
    let note = log.note(3, log.root(3));
    let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
    let first = "`old` and a tree size on the first line";
    let empty = "an empty line before the checkpoint";
    let base64 = "a hash in base64 on each line of the proof";
    let cases = [
        (String::new(), first),
        (format!("\n{note}"), first),
        (format!("old\n\n{note}"), first),
        (format!("old 01\n\n{note}"), first),
        (format!("old -1\n\n{note}"), first),
        (format!("old 1 \n\n{note}"), first),
        (format!("Old 1\n\n{note}"), first),
        (format!("old 99999999999999999999\n\n{note}"), first),
        ("old 1".to_owned(), first),
        ("old 1\n".to_owned(), empty),
        (format!("old 1\n{hash}"), empty),
        (format!("old 1\n{}\n{note}", &hash[..20]), base64),
        (format!("old 1\nAAAA\n\n{note}"), base64),
        (format!("old 1\n {hash}\n{note}"), base64),
        (
            format!("old 1\n{}\n{note}", hash.repeat(64)),
            "at most 63 hashes",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(
            AddCheckpoint::parse(body.as_bytes()),
            Err(WitnessRefusal::Malformed { expected }),
            "{body}"
        );
    }
    assert!(AddCheckpoint::parse(format!("old 1\n{}\n{note}", hash.repeat(63)).as_bytes()).is_ok());
    assert!(matches!(
        AddCheckpoint::parse(b"old 1\n\nlog\n"),
        Err(WitnessRefusal::Checkpoint(_))
    ));
    assert!(matches!(
        AddCheckpoint::parse(b"old 1\n\xff\n\n"),
        Err(WitnessRefusal::Malformed { .. })
    ));
    let long = vec![b'a'; MAX_REQUEST + 1];
    assert_eq!(
        AddCheckpoint::parse(&long),
        Err(WitnessRefusal::Malformed {
            expected: "less than 512 KiB"
        })
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is asked, in whatever order: what a witness has cosigned is one history that only grows.
    #[test]
    fn what_is_cosigned_is_one_history(asks in prop::collection::vec((any::<bool>(), 0_u64..12, 0_u64..12), 1..24)) {
        let honest = Log::new("a", 12);
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap().to_pkcs8_der().unwrap();
        let signer = || NoteSigner::new(ORIGIN, Box::new(PrivateKey::from_pkcs8_der(&key).unwrap())).unwrap();
        let logs = [
            Log { signer: signer(), leaves: honest.leaves },
            Log { signer: signer(), leaves: leaves("b", 12) },
        ];
        let mut latest: Option<TreeHead> = None;
        let mut first = None;
        for (fork, old, new) in asks {
            let old = old.min(new);
            let log = &logs[usize::from(fork)];
            if let Ok(head) = log.admit(latest, &log.request(old, new)) {
                prop_assert!(latest.is_none_or(|latest| latest.size <= head.size));
                if head.size > 0 {
                    prop_assert_eq!(*first.get_or_insert(fork), fork);
                }
                latest = Some(head);
            }
        }
    }

    #[test]
    fn no_request_makes_the_parser_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = AddCheckpoint::parse(&body);
        let _ = AddCheckpoint::parse(&[b"old 0\n\n", body.as_slice()].concat());
    }
}
