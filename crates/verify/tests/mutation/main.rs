//! No changed bundle is accepted, unless the change is one that [`neutral`] lists with its reason.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

#[path = "../forge/mod.rs"]
mod forge;

mod der;
mod malleable;
mod mutate;
mod neutral;
mod spelling;
mod splice;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;
use signhere_testkit::forge::{
    Entry, Evidence, Forge, Forged, Keying, Kind, MediaType, RootVersion, Stage, Under,
};
use signhere_verify::verdict::Verdict;

use forge::{STATEMENT, V2, V2_KEY, V2_STATEMENT, Verifiers};
use mutate::{Mutant, every_node};
use neutral::RULES;

const BOTH: Evidence = Evidence {
    promise: true,
    proof: true,
    timestamps: 2,
    embeds_certificate: true,
};

/// One kind or more of each media type, content, entry, keying and sort of evidence.
const KINDS: [Kind; 11] = [
    Kind::PLAIN,
    Kind {
        evidence: BOTH,
        ..Kind::PLAIN
    },
    V2,
    V2_STATEMENT,
    V2_KEY,
    Kind {
        media_type: MediaType::V0_2,
        ..STATEMENT
    },
    Kind {
        media_type: MediaType::V0_1,
        entry: Entry::IntotoV001,
        evidence: BOTH,
        ..STATEMENT
    },
    Kind {
        media_type: MediaType::V0_3Parameter,
        entry: Entry::IntotoV002,
        keying: Keying::ManagedKey,
        ..STATEMENT
    },
    Kind {
        media_type: MediaType::V0_2,
        entry: Entry::DsseV002,
        keying: Keying::Certificate(Under::Root),
        ..V2_STATEMENT
    },
    Kind {
        media_type: MediaType::V0_1,
        evidence: Evidence {
            proof: false,
            ..Kind::PLAIN.evidence
        },
        ..Kind::PLAIN
    },
    Kind {
        evidence: Evidence {
            promise: false,
            timestamps: 1,
            ..BOTH
        },
        ..Kind::PLAIN
    },
];

/// A bundle with its verdict before any change.
struct Subject<'a> {
    verifiers: &'a Verifiers,
    forged: Forged,
    valid: Verdict,
}

impl<'a> Subject<'a> {
    fn new(forge: &Forge, verifiers: &'a Verifiers, kind: Kind) -> Self {
        let forged = forge.spoiled(kind, |stage| {
            if let Stage::Sign(plan) = stage {
                plan.key_id = "a hint".to_owned();
            }
        });
        let valid = verifiers.verify(&forged);
        assert_eq!(valid.failure, None, "{kind}");
        Self {
            verifiers,
            forged,
            valid,
        }
    }

    /// Checks that the change is refused or neutral, and returns the rules that it is neutral by.
    fn check(&self, mutant: &Mutant) -> Option<Vec<usize>> {
        let kind = self.forged.kind;
        let verdict = self.verifiers.verify_bytes(&self.forged, &mutant.json);
        if !verdict.is_verified() {
            return None;
        }
        let rules =
            neutral::explain(kind, &self.forged.json, &mutant.json).unwrap_or_else(|difference| {
                panic!("{kind}: accepted: {}: {difference:?}", mutant.what)
            });
        let lessens = rules.iter().any(|rule| RULES[*rule].lessens);
        let is_version = rules.contains(&0);
        if !lessens && !is_version {
            assert_eq!(verdict.steps, self.valid.steps, "{kind}: {}", mutant.what);
        }
        Some(rules)
    }
}

#[test]
fn every_node_of_a_bundle_matters_unless_listed() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let mut used = BTreeSet::new();
    for kind in KINDS {
        let subject = Subject::new(&forge, &verifiers, kind);
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        let mutants = every_node(&subject.forged.json, &mut random);
        assert!(mutants.len() > 300, "{kind}: {}", mutants.len());
        for mutant in mutants {
            used.extend(subject.check(&mutant).into_iter().flatten());
        }
    }
    for (index, rule) in RULES.iter().enumerate() {
        assert!(used.contains(&index), "never met: {}", rule.reason);
    }
}

/// Every byte of the text, in turn another one: no place is left out.
#[test]
fn every_byte_of_a_bundle_matters_unless_listed() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let subject = Subject::new(&forge, &verifiers, V2);
    let json = subject.forged.to_bytes();
    let mut neutral = 0;
    for at in 0..json.len() {
        let mut changed = json.clone();
        // Another character of the same class where there is one, so that most changes are still JSON and base64.
        changed[at] = match changed[at] {
            b'Z' | b'z' | b'9' => changed[at] - 1,
            byte if byte.is_ascii_alphanumeric() => byte + 1,
            byte => byte ^ 1,
        };
        let mutant = Mutant {
            what: format!("byte {at} of the text"),
            json: changed,
        };
        neutral += usize::from(subject.check(&mutant).is_some());
    }
    // The claimed digest's name, the timestamp's status and certificate, and the witnesses are about a fifth of it.
    assert!(neutral < json.len() / 3, "{neutral} of {}", json.len());
}

/// A change to the text.
#[derive(Clone, Debug)]
enum Change {
    Bit(Index, u8),
    Insert(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize),
    Swap(Index, Index),
    Cut(Index),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        let at = any::<Index>;
        prop_oneof![
            4 => (at(), 0..8_u8).prop_map(|(at, bit)| Self::Bit(at, bit)),
            2 => (at(), any::<u8>()).prop_map(|(at, byte)| Self::Insert(at, byte)),
            1 => (at(), 1..64_usize).prop_map(|(at, count)| Self::Remove(at, count)),
            1 => (at(), 1..64_usize).prop_map(|(at, count)| Self::Repeat(at, count)),
            1 => (at(), at()).prop_map(|(a, b)| Self::Swap(a, b)),
            1 => at().prop_map(Self::Cut),
        ]
    }

    fn apply(&self, json: &mut Vec<u8>) {
        let length = json.len();
        match self {
            Self::Bit(at, bit) => json[at.index(length)] ^= 1 << bit,
            Self::Insert(at, byte) => json.insert(at.index(length), *byte),
            Self::Remove(at, count) => {
                let at = at.index(length);
                json.drain(at..length.min(at + count));
            }
            Self::Repeat(at, count) => {
                let at = at.index(length);
                let again = json[at..length.min(at + count)].to_vec();
                json.splice(at..at, again);
            }
            Self::Swap(a, b) => json.swap(a.index(length), b.index(length)),
            Self::Cut(at) => json.truncate(at.index(length)),
        }
    }
}

#[test]
fn no_change_to_the_text_of_any_kind_is_accepted() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_2);
    let kinds = [Kind::all(), Kind::unusual()].concat();
    let strategy = (any::<Index>(), proptest::collection::vec(Change::any(), 24));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&strategy, |(kind, changes)| {
            let subject = Subject::new(&forge, &verifiers, *kind.get(&kinds));
            for change in changes {
                let mut json = subject.forged.to_bytes();
                change.apply(&mut json);
                let what = format!("{change:?}");
                subject.check(&Mutant { what, json });
            }
            Ok(())
        })
        .unwrap();
}
