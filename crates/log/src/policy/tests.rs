use proptest::prelude::*;
use signhere_pki::key::{KeyKind, PrivateKey};

use super::*;
use crate::checkpoint::Checkpoint;
use crate::cosignature::Cosigner;
use crate::note::NoteSigner;

const NOW: Time = Time::from_unix(1_800_000_000);

/// A log and witnesses `w0`, `w1`, …, whose keys are `witness.example/0` and so on.
struct World {
    log: NoteSigner,
    witnesses: Vec<Cosigner>,
}

impl World {
    fn new(witnesses: usize) -> Self {
        let key = || Box::new(PrivateKey::generate(KeyKind::Ed25519).unwrap());
        Self {
            log: NoteSigner::new("log.example", key()).unwrap(),
            witnesses: (0..witnesses)
                .map(|n| Cosigner::new(&format!("witness.example/{n}"), key()).unwrap())
                .collect(),
        }
    }

    fn log_line(&self) -> String {
        format!("log {}\n", self.log.verifier().to_vkey())
    }

    fn witness_lines(&self) -> String {
        let lines = self.witnesses.iter().enumerate();
        lines
            .map(|(n, witness)| format!("witness w{n} {}\n", witness.verifier().to_vkey()))
            .collect()
    }

    fn policy(&self, rest: &str) -> Policy {
        let file = format!("{}{}{rest}", self.log_line(), self.witness_lines());
        Policy::parse(file.as_bytes()).unwrap()
    }

    /// A checkpoint that these witnesses have cosigned.
    fn checkpoint(&self, cosigned: &[usize]) -> String {
        let checkpoint = Checkpoint {
            origin: "log.example".to_owned(),
            size: 7,
            root: [7; 32],
            extensions: Vec::new(),
        };
        let mut note = checkpoint.sign(&self.log).unwrap();
        for n in cosigned {
            note += &self.witnesses[*n]
                .cosign(&checkpoint.to_text(), NOW)
                .unwrap();
        }
        note
    }

    fn check(&self, policy: &Policy, note: &str) -> Result<Satisfied, PolicyRefusal> {
        policy.check(&SignedCheckpoint::parse(note.as_bytes()).unwrap(), NOW)
    }
}

/// The example of C2SP tlog-policy, every set of witnesses decided by hand.
#[test]
fn two_levels_of_groups() {
    let world = World::new(6);
    let policy = world.policy(
        "group X-witnesses 2 w0 w1 w2\n\
         group Y-witnesses any w3 w4 w5\n\
         group X-and-Y all X-witnesses Y-witnesses\n\
         quorum X-and-Y\n",
    );
    for set in 0_u32..64 {
        let cosigned: Vec<bool> = (0..6).map(|n| set >> n & 1 == 1).collect();
        let expected = (set & 7).count_ones() >= 2 && set & 0b11_1000 != 0;
        assert_eq!(policy.is_quorum(&cosigned), expected, "{set:06b}");
    }
    let satisfied = world.check(&policy, &world.checkpoint(&[5, 0, 2]));
    let cosigned = vec![(0, NOW), (2, NOW), (5, NOW)];
    assert_eq!(
        satisfied,
        Ok(Satisfied {
            log: Some(0),
            cosigned
        })
    );
    let refused = world.check(&policy, &world.checkpoint(&[0, 3, 4]));
    assert_eq!(
        refused,
        Err(PolicyRefusal::NoQuorum {
            cosigned: 3,
            known: 6
        })
    );
}

#[test]
fn no_quorum_and_a_lone_witness() {
    let world = World::new(2);
    let none = world.policy("quorum none\n");
    assert!(none.is_quorum(&[]));
    let satisfied = world.check(&none, &world.checkpoint(&[]));
    assert_eq!(
        satisfied,
        Ok(Satisfied {
            log: Some(0),
            cosigned: Vec::new()
        })
    );
    let one = world.policy("quorum w1\n");
    assert!(!one.is_quorum(&[true]));
    assert!(!one.is_quorum(&[true, false]));
    assert!(one.is_quorum(&[false, true]));
}

#[test]
fn a_policy_without_logs_leaves_them_to_its_user() {
    let world = World::new(1);
    let file = format!("{}quorum w0\n", world.witness_lines());
    let policy = Policy::parse(file.as_bytes()).unwrap();
    assert!(policy.logs().is_empty());
    let satisfied = world.check(&policy, &world.checkpoint(&[0]));
    assert_eq!(
        satisfied,
        Ok(Satisfied {
            log: None,
            cosigned: vec![(0, NOW)]
        })
    );
}

#[test]
fn a_witness_counts_once_and_only_for_itself() {
    let world = World::new(3);
    let policy = world.policy("group g 2 w0 w1 w2\nquorum g\n");
    let refused = |cosigned| Err(PolicyRefusal::NoQuorum { cosigned, known: 3 });
    assert_eq!(
        world.check(&policy, &world.checkpoint(&[1, 1, 1])),
        refused(1)
    );
    // Another key under the name of a witness.
    let mut other = World::new(3);
    other.log = NoteSigner::new(
        "log.example",
        Box::new(PrivateKey::generate(KeyKind::Ed25519).unwrap()),
    )
    .unwrap();
    let foreign = other.checkpoint(&[0, 1]);
    let (_, lines) = foreign.rsplit_once("\n\n").unwrap();
    let note = format!("{}{lines}", world.checkpoint(&[2]));
    assert_eq!(world.check(&policy, &note), refused(1));
}

#[test]
fn cosignatures_from_the_future_or_without_time_do_not_count() {
    let world = World::new(1);
    let policy = world.policy("quorum w0\n");
    let signed = SignedCheckpoint::parse(world.checkpoint(&[0]).as_bytes()).unwrap();
    let refused = Err(PolicyRefusal::NoQuorum {
        cosigned: 0,
        known: 1,
    });
    assert_eq!(policy.check(&signed, NOW.plus_seconds(-1)), refused);
}

#[test]
fn checkpoints_of_other_logs_are_refused() {
    let (world, other) = (World::new(1), World::new(0));
    let policy = world.policy("quorum none\n");
    let unknown = |origin: &str| {
        Err(PolicyRefusal::UnknownLog {
            origin: origin.to_owned(),
        })
    };
    assert_eq!(
        world.check(&policy, &other.checkpoint(&[])),
        unknown("log.example")
    );
    // Signed by the right key, but for another log.
    let elsewhere = Checkpoint {
        origin: "other.example".to_owned(),
        size: 1,
        root: [1; 32],
        extensions: Vec::new(),
    };
    let note = elsewhere.sign(&world.log).unwrap();
    assert_eq!(world.check(&policy, &note), unknown("other.example"));
}

#[test]
fn a_known_line_that_is_no_signature_spoils_the_checkpoint() {
    let world = World::new(2);
    let policy = world.policy("quorum w0\n");
    let other = world.checkpoint(&[]).replace("\n7\n", "\n8\n");
    let text = other.split_once("\n\n").unwrap().0;
    let forged = world.witnesses[1]
        .cosign(&format!("{text}\n"), NOW)
        .unwrap();
    let note = format!("{}{forged}", world.checkpoint(&[0]));
    let name = "witness.example/1".to_owned();
    assert_eq!(
        world.check(&policy, &note),
        Err(PolicyRefusal::Signature(NoteError::SignatureInvalid {
            name
        }))
    );
}

#[test]
fn white_space_comments_urls_and_names_in_any_bytes() {
    let world = World::new(2);
    let key = |n: usize| world.witnesses[n].verifier().to_vkey();
    let mut file = format!(
        "# a comment\n\n \t # another\n\tlog  {} https://log.example/ \nwitness ",
        world.log.verifier().to_vkey()
    )
    .into_bytes();
    file.extend(b"\xe2\x84\xaa\xff");
    file.extend(format!(" {} https://w.example/\u{fc}\n", key(0)).bytes());
    file.extend(format!("witness K {}\ngroup g any K ", key(1)).bytes());
    file.extend(b"\xe2\x84\xaa\xff\nquorum g\n");
    let policy = Policy::parse(&file).unwrap();
    assert_eq!(policy.witnesses()[0].name, b"\xe2\x84\xaa\xff");
    assert_eq!(
        policy.witnesses()[0].url.as_deref(),
        Some("https://w.example/\u{fc}".as_bytes())
    );
    assert_eq!(policy.witnesses()[1].url, None);
    assert_eq!(
        policy.logs()[0].url.as_deref(),
        Some(&b"https://log.example/"[..])
    );
    assert!(policy.is_quorum(&[true, false]) && policy.is_quorum(&[false, true]));
}

#[test]
fn every_fault_is_named_with_its_line() {
    let world = World::new(3);
    let (log, three) = (world.log_line(), world.witness_lines());
    let [a, b, c]: [String; 3] = three
        .split_inclusive('\n')
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let log_key = world.log.verifier().to_vkey();
    let key = |n: usize| world.witnesses[n].verifier().to_vkey();
    let name = |name: &str| name.to_owned();
    let witness = "witness <name> <vkey> [<url>]";
    let group = "group <name> all|any|<k> <name>...";
    let cases = [
        ("quorum none".to_owned(), 1, PolicyFault::Unterminated),
        (
            format!("{a}quorum w0\r\n"),
            2,
            PolicyFault::ControlCharacter { byte: b'\r' },
        ),
        (
            "a\u{7f}\n".to_owned(),
            1,
            PolicyFault::ControlCharacter { byte: 0x7f },
        ),
        (
            "\nLog x\n".to_owned(),
            2,
            PolicyFault::Keyword { found: name("Log") },
        ),
        (
            "log\n".to_owned(),
            1,
            PolicyFault::Form {
                expected: "log <vkey> [<url>]",
            },
        ),
        (
            format!("log {log_key} u u\n"),
            1,
            PolicyFault::Form {
                expected: "log <vkey> [<url>]",
            },
        ),
        (
            "witness w\n".to_owned(),
            1,
            PolicyFault::Form { expected: witness },
        ),
        (
            "group g all\n".to_owned(),
            1,
            PolicyFault::Form { expected: group },
        ),
        (
            "group g\n".to_owned(),
            1,
            PolicyFault::Form { expected: group },
        ),
        (
            "quorum\n".to_owned(),
            1,
            PolicyFault::Form {
                expected: "quorum <name>",
            },
        ),
        (
            "quorum none none\n".to_owned(),
            1,
            PolicyFault::Form {
                expected: "quorum <name>",
            },
        ),
        (
            "log key\n".to_owned(),
            1,
            PolicyFault::Key(NoteError::Vkey { found: name("key") }),
        ),
        (
            format!("witness w {log_key}\n"),
            1,
            PolicyFault::KeyForm {
                name: name("log.example"),
                expected: "witness",
            },
        ),
        (
            format!("log {}\n", key(0)),
            1,
            PolicyFault::KeyForm {
                name: name("witness.example/0"),
                expected: "log",
            },
        ),
        (
            format!("{log}{log}"),
            2,
            PolicyFault::DuplicateKey {
                name: name("log.example"),
                line: 1,
            },
        ),
        (
            format!("{a}\nwitness other {}\n", key(0)),
            3,
            PolicyFault::DuplicateKey {
                name: name("witness.example/0"),
                line: 1,
            },
        ),
        (
            format!("{a}witness w0 {}\n", key(1)),
            2,
            PolicyFault::NameTaken { name: name("w0") },
        ),
        (
            format!("witness none {}\n", key(1)),
            1,
            PolicyFault::NameTaken { name: name("none") },
        ),
        (
            format!("{a}group w0 all w0\n"),
            2,
            PolicyFault::NameTaken { name: name("w0") },
        ),
        (
            format!("group g all w0\n{a}"),
            1,
            PolicyFault::Undefined { name: name("w0") },
        ),
        (
            format!("{a}group g all g\n"),
            2,
            PolicyFault::Undefined { name: name("g") },
        ),
        (
            format!("{a}group g all none\n"),
            2,
            PolicyFault::Undefined { name: name("none") },
        ),
        (
            format!("quorum w0\n{a}"),
            1,
            PolicyFault::Undefined { name: name("w0") },
        ),
        (
            format!("{a}group g 2 w0 w0\n"),
            2,
            PolicyFault::MemberTwice { name: name("w0") },
        ),
        (
            format!("{a}{b}{c}group g all w0 w1\ngroup h all w2 w1\n"),
            5,
            PolicyFault::MemberTwice { name: name("w1") },
        ),
        (
            format!("{a}group g 0 w0\n"),
            2,
            PolicyFault::Threshold {
                found: name("0"),
                members: 1,
            },
        ),
        (
            format!("{a}group g 2 w0\n"),
            2,
            PolicyFault::Threshold {
                found: name("2"),
                members: 1,
            },
        ),
        (
            format!("{a}group g 01 w0\n"),
            2,
            PolicyFault::Threshold {
                found: name("01"),
                members: 1,
            },
        ),
        (
            format!("{a}group g +1 w0\n"),
            2,
            PolicyFault::Threshold {
                found: name("+1"),
                members: 1,
            },
        ),
        (
            "quorum none\nquorum none\n".to_owned(),
            2,
            PolicyFault::SecondQuorum,
        ),
    ];
    for (file, line, fault) in cases {
        assert_eq!(
            Policy::parse(file.as_bytes()).map(|_| ()),
            Err(PolicyError::Line { line, fault }),
            "{file}"
        );
    }
    assert_eq!(
        Policy::parse(log.as_bytes()).map(|_| ()),
        Err(PolicyError::NoQuorum)
    );
    let long = vec![b'\n'; MAX_POLICY + 1];
    assert_eq!(
        Policy::parse(&long).map(|_| ()),
        Err(PolicyError::TooLong {
            limit: MAX_POLICY,
            found: MAX_POLICY + 1
        })
    );
    let error = PolicyError::Line {
        line: 3,
        fault: PolicyFault::SecondQuorum,
    };
    assert_eq!(error.to_string(), "line 3: there is a quorum line already");
}

#[test]
fn as_many_as_allowed_and_no_more() {
    let world = World::new(MAX_OF_A_KIND + 1);
    let lines = world.witness_lines();
    let error = |line| {
        Err(PolicyError::Line {
            line,
            fault: PolicyFault::TooMany,
        })
    };
    assert_eq!(
        Policy::parse(lines.as_bytes()).map(|_| ()),
        error(MAX_OF_A_KIND + 1)
    );
    let lines: String = lines.split_inclusive('\n').take(MAX_OF_A_KIND).collect();
    let groups = |count: usize| -> String {
        (0..count)
            .map(|n| format!("group g{n} any w{n}\n"))
            .collect()
    };
    let file = format!("{lines}{}quorum g63\n", groups(MAX_OF_A_KIND));
    assert!(Policy::parse(file.as_bytes()).is_ok());
    let first = world.witness_lines();
    let first = first.split_inclusive('\n').next().unwrap();
    let chain: String = (0..=MAX_OF_A_KIND)
        .map(|n| match n {
            0 => "group g0 any w0\n".to_owned(),
            n => format!("group g{n} any g{}\n", n - 1),
        })
        .collect();
    let chain = format!("{first}{chain}");
    assert_eq!(
        Policy::parse(chain.as_bytes()).map(|_| ()),
        error(MAX_OF_A_KIND + 2)
    );
}

/// A policy of groups in groups, as an expression to be computed the plain way.
#[derive(Clone, Debug)]
enum Tree {
    Witness,
    Group {
        kind: u8,
        k: usize,
        members: Vec<Self>,
    },
}

fn tree() -> impl Strategy<Value = Tree> {
    Just(Tree::Witness).prop_recursive(3, 24, 4, |inner| {
        (0..3_u8, any::<usize>(), prop::collection::vec(inner, 1..5)).prop_map(
            |(kind, k, members)| Tree::Group {
                kind,
                k: k % members.len() + 1,
                members,
            },
        )
    })
}

impl Tree {
    fn witnesses(&self) -> usize {
        match self {
            Self::Witness => 1,
            Self::Group { members, .. } => members.iter().map(Self::witnesses).sum(),
        }
    }

    /// Writes the lines that define this tree, and its name.
    fn write(&self, witness: &mut usize, group: &mut usize, lines: &mut String) -> String {
        match self {
            Self::Witness => {
                *witness += 1;
                format!("w{}", *witness - 1)
            }
            Self::Group { kind, k, members } => {
                let names: Vec<_> = members
                    .iter()
                    .map(|member| member.write(witness, group, lines))
                    .collect();
                let threshold = match kind {
                    0 => "all".to_owned(),
                    1 => "any".to_owned(),
                    _ => k.to_string(),
                };
                *group += 1;
                let name = format!("g{group}");
                *lines += &format!("group {name} {threshold} {}\n", names.join(" "));
                name
            }
        }
    }

    fn is_met(&self, cosigned: &mut impl Iterator<Item = bool>) -> bool {
        match self {
            Self::Witness => cosigned.next().unwrap(),
            Self::Group { kind, k, members } => {
                let met: Vec<_> = members.iter().map(|m| m.is_met(cosigned)).collect();
                let count = met.iter().filter(|met| **met).count();
                match kind {
                    0 => count == members.len(),
                    1 => count > 0,
                    _ => count >= *k,
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn quorums_are_those_of_their_expression(tree in tree(), sets in prop::collection::vec(any::<u64>(), 16)) {
        let count = tree.witnesses();
        prop_assume!(count <= 40);
        let world = World::new(count);
        let (mut lines, mut witness, mut group) = (String::new(), 0, 0);
        let name = tree.write(&mut witness, &mut group, &mut lines);
        let policy = world.policy(&format!("{lines}quorum {name}\n"));
        for set in sets.into_iter().chain([0, u64::MAX]) {
            let cosigned: Vec<bool> = (0..count).map(|n| set >> n & 1 == 1).collect();
            let expected = tree.is_met(&mut cosigned.iter().copied());
            prop_assert_eq!(policy.is_quorum(&cosigned), expected);
            // One more cosignature never takes a quorum away.
            for n in 0..count {
                let mut more = cosigned.clone();
                more[n] = true;
                prop_assert!(policy.is_quorum(&more) || !expected);
            }
        }
    }

    #[test]
    fn no_file_makes_the_parser_panic(file in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Policy::parse(&file);
    }

    #[test]
    fn nor_do_lines_of_its_words(words in "((log|witness|group|quorum|all|any|none|[0-9]{1,21}|[ab]|\\+)( |\t|\n){1,2}){0,30}") {
        let _ = Policy::parse(words.as_bytes());
    }
}
