//! What an attacker can put together who has a certificate of the same authority, may log anything in the trusted
//! logs and may have anything timestamped: pieces that are each genuine, in bundles that prove nothing.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod forge;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signhere_log::checkpoint::CheckpointError;
use signhere_log::merkle::leaf_hash;
use signhere_log::note::NoteError;
use signhere_pki::cert::San;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::fulcio;
use signhere_pki::key::KeyKind;
use signhere_testkit::forge::{
    self as made, ARTIFACT, Content, Entry, Forge, Forged, Kind, LogEntry, LogPlan, Proof,
    RootVersion, SIGNED_AT, Stage,
};
use signhere_verify::entry::EntryError;
use signhere_verify::verdict::{Failure, Reason, StepName};
use signhere_verify::verifier::{Artifact, Verifier};

use forge::{STATEMENT, V2, V2_KEY, Verifiers, policy, verifier};

fn ask(verifier: &Verifier, forged: &Forged) -> Option<Failure> {
    verifier
        .verify_json(
            &forged.to_bytes(),
            &Artifact::Bytes(ARTIFACT),
            &policy(forged),
        )
        .failure
}

fn refused(verifier: &Verifier, forged: &Forged) -> Failure {
    ask(verifier, forged).expect("refused")
}

/// What a log of an unknown kind of key should have signed is still asked for.
#[test]
fn a_log_that_cannot_be_used_is_still_required() {
    let forge = Forge::new();
    let mut root = forge.trusted_root(RootVersion::V0_1);
    for log in 0..2 {
        root["tlogs"][log]["publicKey"]["keyDetails"] = json!("ML_DSA_65");
    }
    let verify = verifier(&root);
    let unlogged = forge.spoiled(V2, |stage| {
        if let Stage::Logged(entries) = stage {
            entries.clear();
        }
    });
    assert_eq!(refused(&verify, &unlogged).reason, Reason::LogEntryMissing);
    let logged = forge.bundle(V2);
    assert_eq!(refused(&verify, &logged).reason, Reason::LogUnknown);

    let mut root = forge.trusted_root(RootVersion::V0_1);
    root["ctlogs"][0]["publicKey"]["keyDetails"] = json!("ML_DSA_65");
    let verify = verifier(&root);
    assert_eq!(refused(&verify, &logged).reason, Reason::SctUnknownLog);
    let unlogged = forge.spoiled(V2, |stage| {
        if let Stage::Leaf(leaf) = stage {
            leaf.sct.embedded = false;
        }
    });
    assert_eq!(refused(&verify, &unlogged).reason, Reason::SctMissing);
    // Only a root that lists no such log at all asks for nothing.
    root["ctlogs"] = json!([]);
    assert_eq!(ask(&verifier(&root), &unlogged), None);
}

/// A log whose key or name cannot stand in a checkpoint takes nothing away from the others.
#[test]
fn an_unusable_log_spoils_only_its_own_entries() {
    let forge = Forge::new();
    for (kind, log) in [(Kind::PLAIN, 1), (V2, 0)] {
        let forged = forge.bundle(kind);
        let mut root = forge.trusted_root(RootVersion::V0_1);
        let rsa = made::rsa(KeyKind::Rsa2048);
        root["tlogs"][log]["publicKey"]["keyDetails"] = json!("PKIX_RSA_PKCS1V15_2048_SHA256");
        root["tlogs"][log]["publicKey"]["rawBytes"] = raw(rsa.public_key().spki_der());
        assert_eq!(ask(&verifier(&root), &forged), None);

        let mut root = forge.trusted_root(RootVersion::V0_1);
        root["tlogs"][log]["baseUrl"] = json!("https://a log/");
        assert_eq!(ask(&verifier(&root), &forged), None);
        root["tlogs"][1 - log]["baseUrl"] = json!("https://a log/");
        let unusable = Reason::Checkpoint(CheckpointError::Note(NoteError::KeyName {
            name: "a log".to_owned(),
        }));
        assert_eq!(refused(&verifier(&root), &forged).reason, unusable);
    }
}

/// One entry that binds does not carry another one that does not, whichever comes first.
#[test]
fn every_entry_has_to_bind() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    for kind in [Kind::PLAIN, V2, STATEMENT] {
        let mut another = Vec::new();
        forge.spoiled(kind, |stage| {
            if let Stage::Log(plan) = &stage {
                another.push(plan_at(plan, 6));
            }
        });
        let (plan, mut elsewhere) = (another.remove(0), Vec::new());
        forge.spoiled(kind, |stage| match stage {
            Stage::Log(own) => *own = plan.clone(),
            Stage::Logged(entries) => elsewhere.clone_from(entries),
            _ => {}
        });
        for position in [0, 1] {
            let both = forge.spoiled(kind, |stage| {
                if let Stage::Logged(entries) = stage {
                    entries.insert(position, elsewhere[0].clone());
                }
            });
            let failure = verifiers.verify(&both).failure.unwrap();
            assert_eq!(failure.item, Some(position), "{kind}");
            assert_eq!(failure.step, StepName::Log, "{kind}");
            let is_bound = matches!(
                failure.reason,
                Reason::EntrySignature | Reason::EntryKey | Reason::EntryDigest
            );
            assert!(is_bound, "{kind}: {failure:?}");
        }
    }
}

/// An entry names a trusted log, its checkpoint is another trusted log's: each is right by itself.
#[test]
fn a_checkpoint_of_another_trusted_log_is_refused() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let (v1, v2) = (forge.rekor_v1.clone(), forge.rekor_v2.clone());
    for kind in [V2, V2_KEY] {
        let named = forge.spoiled(kind, |stage| {
            if let Stage::Log(plan) = stage {
                plan.log_id = v1.id().to_vec();
            }
        });
        let failure = verifiers.verify(&named).failure.unwrap();
        let origin = CheckpointError::Origin {
            expected: v1.name().to_owned(),
            found: v2.name().to_owned(),
        };
        assert_eq!(failure.reason, Reason::Checkpoint(origin));
    }
    // The origin is the named log's, the signature the other's.
    let signed = forge.spoiled(V2, |stage| {
        if let Stage::Log(plan) = stage {
            plan.signer = v1.key.clone();
        }
    });
    let failure = verifiers.verify(&signed).failure.unwrap();
    let name = v2.name().to_owned();
    let unsigned = CheckpointError::Note(NoteError::NotSignedBy { name });
    assert_eq!(failure.reason, Reason::Checkpoint(unsigned));
}

/// In a v0.2 root a log has two ids; an entry under each is still one entry.
#[test]
fn an_entry_under_both_ids_of_its_log_is_one_entry() {
    let forge = Forge::new();
    let root = forge.trusted_root(RootVersion::V0_2);
    let ids: Vec<Vec<u8>> = [
        &root["tlogs"][1]["logId"],
        &root["tlogs"][1]["checkpointKeyId"],
    ]
    .map(|id| STANDARD.decode(id["keyId"].as_str().unwrap()).unwrap())
    .into();
    assert_ne!(ids[0], ids[1]);
    let twice = forge.spoiled(V2, |stage| {
        if let Stage::Logged(entries) = stage {
            entries[0].log_id.clone_from(&ids[0]);
            let again = LogEntry {
                log_id: ids[1].clone(),
                ..entries[0].clone()
            };
            entries.push(again);
        }
    });
    let failure = refused(&verifier(&root), &twice);
    assert_eq!(
        (failure.reason, failure.item),
        (Reason::LogEntryDuplicate, Some(1))
    );
}

/// A timestamp in another wrapping is the same timestamp.
#[test]
fn a_timestamp_in_another_wrapping_does_not_count_twice() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let twice = |and_the_first: bool| {
        forge.spoiled(V2, |stage| {
            if let Stage::Stamped(stamps) = stage {
                let mut other = stamps[0].clone();
                // PKIStatus `granted` becomes `grantedWithMods` (RFC 3161 section 2.4.2).
                let status = other.windows(3).position(|at| at == [2, 1, 0]).unwrap();
                other[status + 2] = 1;
                stamps.push(other);
                if !and_the_first {
                    stamps.remove(0);
                }
            }
        })
    };
    assert_eq!(verifiers.verify(&twice(false)).failure, None);
    let failure = verifiers.verify(&twice(true)).failure.unwrap();
    assert_eq!(
        (failure.reason, failure.item),
        (Reason::TimestampDuplicate, Some(1))
    );
}

/// The time that one entry proves counts for the log of another, which may be a retired log with a stolen key.
#[test]
fn a_retired_log_does_not_hide_behind_another_logs_promise() {
    let forge = Forge::new();
    let mut plan: Option<LogPlan> = None;
    let both = forge.spoiled(Kind::PLAIN, |stage| match stage {
        Stage::Log(own) => plan = Some(own.clone()),
        Stage::Logged(entries) => {
            let mut plan = plan.take().unwrap();
            plan.name = forge.rekor_v2.name().to_owned();
            plan.origin.clone_from(&plan.name);
            plan.signer = forge.rekor_v2.key.clone();
            let mut second = entries[0].clone();
            second.log_id = forge.rekor_v2.id().to_vec();
            second.promise = None;
            let root = leaf_hash(&second.body);
            second.proof = Some(Proof {
                index: 0,
                size: 1,
                root: root.to_vec(),
                hashes: Vec::new(),
                checkpoint: Some(plan.checkpoint(1, &root)),
            });
            entries.push(second);
        }
        _ => {}
    });
    let mut root = forge.trusted_root(RootVersion::V0_1);
    let window = |root: &mut Value, end: i64| {
        root["tlogs"][1]["publicKey"]["validFor"]["end"] =
            json!(SIGNED_AT.plus_seconds(end).to_string());
    };
    window(&mut root, 0);
    assert_eq!(ask(&verifier(&root), &both), None);
    window(&mut root, -1);
    let failure = refused(&verifier(&root), &both);
    assert_eq!(
        (failure.step, failure.reason),
        (StepName::Time, Reason::LogWindow)
    );
}

/// A second timestamp that is out of its authority's validity is not made good by the first one.
#[test]
fn the_timestamps_of_two_authorities_both_count() {
    let (old, new) = (Forge::new(), Forge::new());
    let mut message = Vec::new();
    let stamped_by_both = new.spoiled(V2, |stage| match stage {
        Stage::Stamp(stamp) => message.clone_from(&stamp.message),
        Stage::Stamped(stamps) => {
            old.spoiled(V2, |stage| match stage {
                Stage::Stamp(stamp) => stamp.message.clone_from(&message),
                Stage::Stamped(others) => stamps.push(others[0].clone()),
                _ => {}
            });
        }
        _ => {}
    });
    let mut root = new.trusted_root(RootVersion::V0_1);
    let failure = refused(&verifier(&root), &stamped_by_both);
    assert_eq!(failure.item, Some(1));
    assert_eq!(failure.reason, Reason::TimestampUntrusted);

    let other = old.trusted_root(RootVersion::V0_1)["timestampAuthorities"][0].clone();
    let list = root["timestampAuthorities"].as_array_mut().unwrap();
    list.push(other);
    assert_eq!(ask(&verifier(&root), &stamped_by_both), None);
    root["timestampAuthorities"][1]["validFor"]["end"] =
        json!(SIGNED_AT.plus_seconds(-1).to_string());
    let failure = refused(&verifier(&root), &stamped_by_both);
    assert_eq!(failure.item, Some(1));
    assert_eq!(failure.reason, Reason::TimestampWindow);
}

/// A name of another kind, which its authority may give to anybody, is not Fulcio's name of a user.
#[test]
fn another_kind_of_name_is_nobodys() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    for (oid, expected) in [
        (fulcio::USERNAME, None),
        (fulcio::ARC, Some(Reason::IdentityMissing)),
    ] {
        let named = forge.spoiled(V2, |stage| {
            if let Stage::Leaf(leaf) = stage {
                let value = leaf.san.as_str().to_owned();
                leaf.san = San::OtherName { oid, value };
            }
        });
        let failure = verifiers.verify(&named).failure;
        assert_eq!(failure.map(|failure| failure.reason), expected);
    }
}

/// The digest that was logged says how the key signed; a key does not sign in every way.
#[test]
fn a_logged_digest_of_another_algorithm_does_not_bind() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let sha512 = HashAlgorithm::Sha512.digest(ARTIFACT);
    let v1 = forge.spoiled(Kind::PLAIN, |stage| {
        if let Stage::Entry(entry) = stage {
            entry.body["spec"]["data"]["hash"] =
                json!({ "algorithm": "sha512", "value": sha512.hex() });
        }
    });
    let failure = verifiers.verify(&v1).failure.unwrap();
    assert_eq!(failure.reason, Reason::Scheme);
    let v2 = forge.spoiled(V2, |stage| {
        if let Stage::Entry(entry) = stage {
            entry.body["spec"]["hashedRekordV002"]["data"] =
                json!({ "algorithm": "SHA2_512", "digest": raw(sha512.as_bytes()) });
        }
    });
    let failure = verifiers.verify(&v2).failure.unwrap();
    assert_eq!(
        (failure.reason, failure.expected),
        (Reason::EntryDigest, None)
    );
    // The right value under a name that means nothing, or something else, here.
    for name in ["SHA256", "sha-256", "sha1", "sha3-256", ""] {
        let unknown = forge.spoiled(Kind::PLAIN, |stage| {
            if let Stage::Entry(entry) = stage {
                entry.body["spec"]["data"]["hash"]["algorithm"] = json!(name);
            }
        });
        let failure = verifiers.verify(&unknown).failure.unwrap();
        assert!(
            matches!(failure.reason, Reason::Entry(_)),
            "{name}: {failure:?}"
        );
    }
}

/// An entry holds one key: a second block beside it, in either place, is no key, and white space is not one either.
#[test]
fn an_entry_holds_one_pem_block() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let other = made::fresh(KeyKind::P256).public_key().to_pem();
    for kind in [
        Kind::PLAIN,
        STATEMENT,
        of_statement(Entry::IntotoV001),
        of_statement(Entry::IntotoV002),
    ] {
        let with = |change: &dyn Fn(&str) -> String| {
            let forged = forge.spoiled(kind, |stage| {
                if let Stage::Entry(entry) = stage {
                    let spec = &mut entry.body["spec"];
                    let key = match kind.entry {
                        Entry::HashedRekordV001 => &mut spec["signature"]["publicKey"]["content"],
                        Entry::DsseV001 => &mut spec["signatures"][0]["verifier"],
                        Entry::IntotoV001 => &mut spec["publicKey"],
                        _ => &mut spec["content"]["envelope"]["signatures"][0]["publicKey"],
                    };
                    let pem = STANDARD.decode(key.as_str().unwrap()).unwrap();
                    let pem = change(std::str::from_utf8(&pem).unwrap());
                    *key = raw(pem.as_bytes());
                }
            });
            verifiers
                .verify(&forged)
                .failure
                .map(|failure| failure.reason)
        };
        assert_eq!(with(&|pem| pem.to_owned()), None, "{kind}");
        assert_eq!(with(&|pem| pem.replace('\n', "\r\n")), None, "{kind}");
        assert_eq!(with(&|pem| pem.trim_end().to_owned()), None, "{kind}");
        for two in [
            with(&|pem| format!("{pem}{other}")),
            with(&|pem| format!("{other}{pem}")),
            with(&|pem| format!("{pem}{pem}")),
            with(&|pem| pem.replace("CERTIFICATE", "X509 CRL")),
            with(&|_| "\n".to_owned()),
        ] {
            assert!(
                matches!(
                    two,
                    Some(Reason::Entry(EntryError::Pem(_) | EntryError::Key(_)))
                ),
                "{kind}: {two:?}"
            );
        }
    }
}

/// What an attacker writes into a bundle is quoted, never repeated at length.
#[test]
fn failures_stay_short() {
    let forge = Forge::new();
    let verify = verifier(&forge.trusted_root(RootVersion::V0_1));
    let long = "x".repeat(1 << 20);
    type Change<'a> = &'a dyn Fn(&mut Value);
    let changes: [(Kind, Change<'_>); 7] = [
        (V2, &|bundle| bundle["mediaType"] = json!(long)),
        (V2, &|bundle| {
            bundle["messageSignature"]["messageDigest"]["algorithm"] = json!(long);
        }),
        (V2, &|bundle| {
            bundle["verificationMaterial"]["tlogEntries"][0]["logId"]["keyId"] =
                raw(long.as_bytes());
        }),
        (V2, &|bundle| {
            bundle["verificationMaterial"]["tlogEntries"][0]["kindVersion"]["kind"] = json!(long);
        }),
        (V2, &|bundle| {
            let proof = &mut bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"];
            proof["checkpoint"]["envelope"] =
                json!(format!("{}\n{}\n", &long[..400_000], &long[..400_000]));
        }),
        (V2, &|bundle| {
            let proof = &mut bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"];
            let text = proof["checkpoint"]["envelope"].as_str().unwrap();
            let text = format!("{}{text}", &long[..400_000]);
            proof["checkpoint"]["envelope"] = json!(text);
        }),
        (STATEMENT, &|bundle| {
            bundle["dsseEnvelope"]["payloadType"] = json!(long)
        }),
    ];
    for (number, (kind, change)) in changes.into_iter().enumerate() {
        let mut forged = forge.bundle(kind);
        change(&mut forged.json);
        let verdict = verify.verify_json(
            &forged.to_bytes(),
            &Artifact::Bytes(ARTIFACT),
            &policy(&forged),
        );
        assert!(!verdict.is_verified());
        let length = serde_json::to_string(&verdict).unwrap().len();
        assert!(length < 4096, "change {number}: {length} characters");
    }
    let mut forged = forge.bundle(V2_KEY);
    forged.json["verificationMaterial"]["publicKey"]["hint"] = json!(long);
    let someone = forge::identity("someone", "somewhere");
    let verdict = verify.verify_json(&forged.to_bytes(), &Artifact::Bytes(ARTIFACT), &someone);
    assert_eq!(
        verdict.failure.as_ref().unwrap().reason,
        Reason::PolicyNeedsKey
    );
    assert!(serde_json::to_string(&verdict).unwrap().len() < 4096);
}

fn of_statement(entry: Entry) -> Kind {
    Kind {
        content: Content::Dsse,
        entry,
        ..STATEMENT
    }
}

/// The same plan for another place in the tree.
fn plan_at(plan: &LogPlan, place: u64) -> LogPlan {
    LogPlan {
        index: plan.index - plan.tree_index + place,
        tree_index: place,
        ..plan.clone()
    }
}

fn raw(bytes: &[u8]) -> Value {
    STANDARD.encode(bytes).into()
}
