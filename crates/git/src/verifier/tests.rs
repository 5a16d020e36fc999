use signhere_pki::cert::San;
use signhere_pki::cms::CmsError;
use signhere_pki::fulcio;
use signhere_pki::time::Time;
use signhere_pki::tsp::TimestampResponse;
use signhere_testkit::der::Tlv;
use signhere_testkit::forge::{
    Forge, GitForm, GitPlan, IDENTITY, ISSUER, Kind, RootVersion, SIGNED_AT, Stage, Under, commit,
    tag,
};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verdict::{Reason, Step};

use super::*;
use crate::armor::ArmorError;
use crate::cms::entry::{EntryError, ProtobufError};
use crate::cms::{EmbeddedError, SignatureError};
use crate::verdict::Missing;

const PAYLOAD: &[u8] = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
author Ada <ada@example.test> 1780315200 +0000
committer Ada <ada@example.test> 1780315200 +0000

a commit";

const TAG: &[u8] = b"object 4b825dc642cb6eb9a060e54bf8d69288fbee4904
type commit
tag v1
tagger Ada <ada@example.test> 1780315200 +0000

v1
";

fn verifier(forge: &Forge) -> GitVerifier {
    let root = forge.trusted_root(RootVersion::V0_1).to_string();
    let root = TrustedRoot::parse(root.as_bytes()).unwrap();
    GitVerifier::new(Verifier::new(root).unwrap())
}

fn object(bytes: &[u8]) -> Object {
    Object::parse_any(bytes).unwrap()
}

fn signed(forge: &Forge, plan: &GitPlan) -> Object {
    object(&commit(PAYLOAD, &forge.git_armor(PAYLOAD, plan, |_| {})))
}

fn outcome(forge: &Forge, object: &Object) -> Outcome {
    verifier(forge).verify(object, None).outcome
}

fn refusal(forge: &Forge, plan: &GitPlan) -> GitFailure {
    match outcome(forge, &signed(forge, plan)) {
        Outcome::Refused(failure) => *failure,
        other => panic!("{other:?}"),
    }
}

/// Every way in which log entries and timestamps were ever embedded.
fn plans() -> Vec<GitPlan> {
    let mut plans = Vec::new();
    for plan in [GitPlan::OURS, GitPlan::GITSIGN] {
        for form in [GitForm::Whole, GitForm::WithoutBody] {
            for whole_replies in [false, true] {
                plans.push(GitPlan {
                    form,
                    whole_replies,
                    ..plan
                });
            }
        }
    }
    plans.extend([0, 1].map(|first| GitPlan {
        form: GitForm::Separate(first),
        ..GitPlan::GITSIGN
    }));
    plans
}

#[test]
fn every_embedding_is_read_and_proven_of_commits_and_tags() {
    let forge = Forge::new();
    let verifier = verifier(&forge);
    for plan in plans() {
        let verdict = verifier.verify(&signed(&forge, &plan), None);
        assert_eq!(verdict.outcome, Outcome::Proven, "{plan:?}");
        let evidence = verdict.evidence.as_ref().unwrap();
        assert_eq!(
            evidence.certificate.subject_alternative_names(),
            [San::Email(IDENTITY.to_owned())]
        );
        let issuer = fulcio::issuer(&evidence.certificate);
        assert_eq!(issuer.as_deref(), Some(ISSUER));
        assert_eq!(evidence.signing_time, Some(SIGNED_AT));
        assert_eq!(evidence.examination.assumed_time, None);
        let failed: Vec<_> = evidence
            .checks()
            .into_iter()
            .filter(|c| c.code.is_some())
            .collect();
        assert_eq!(failed, []);
        let steps = verdict.steps().unwrap();
        assert!(matches!(steps.last(), Some(Step::Identity(found)) if found.identity == IDENTITY));

        let armor = forge.git_armor(TAG, &plan, |_| {});
        let tag = object(&tag(TAG, &armor));
        assert_eq!(verifier.verify(&tag, None).outcome, Outcome::Proven);
        let by_parts = verifier.verify_signature(armor.as_bytes(), TAG, None);
        assert_eq!(by_parts.outcome, Outcome::Proven);
    }
}

#[test]
fn what_was_never_embedded_is_missing_and_nothing_worse() {
    let forge = Forge::new();
    let object = signed(&forge, &GitPlan::ONLINE);
    let verdict = verifier(&forge).verify(&object, None);
    assert_eq!(
        verdict.outcome,
        Outcome::Unproven(vec![Missing::Log, Missing::Time])
    );
    assert_eq!(verdict.steps(), None);
    assert_eq!(verdict.outcome.code(), Some("SH-GIT-UNPROVEN"));

    let mut plan = GitPlan::ONLINE;
    plan.kind = Kind {
        keying: signhere_testkit::forge::Keying::Certificate(Under::Root),
        ..plan.kind
    };
    let armor = forge.git_armor(PAYLOAD, &plan, |stage| {
        if let Stage::Leaf(leaf) = stage {
            leaf.sct.embedded = false;
        }
    });
    let verdict = verifier(&forge).verify(&super::tests::object(&commit(PAYLOAD, &armor)), None);
    let missing = vec![Missing::Log, Missing::Time, Missing::Sct];
    assert_eq!(verdict.outcome, Outcome::Unproven(missing));

    // A timestamp alone says when, and not that it was logged.
    let mut plan = GitPlan::ONLINE;
    plan.kind.evidence.timestamps = 1;
    plan.kind.evidence.embeds_certificate = true;
    let found = outcome(&forge, &signed(&forge, &plan));
    assert_eq!(found, Outcome::Unproven(vec![Missing::Log]));
}

#[test]
fn a_bundle_beside_the_object_proves_what_it_does_not_carry() {
    let forge = Forge::new();
    let verifier = verifier(&forge);
    let object = signed(&forge, &GitPlan::GITSIGN);
    let signature = GitSignature::from_armor(object.own_signature().unwrap()).unwrap();
    let bundle = signature.bundle().unwrap();

    let other = without(&signed(&forge, &GitPlan::GITSIGN), ENTRY);
    let stripped = without(&object, ENTRY);
    assert!(matches!(
        verifier.verify(&stripped, None).outcome,
        Outcome::Unproven(_)
    ));

    let notes = [bundle];
    let verdict = verifier.verify_with(&stripped, &notes, None);
    assert_eq!(verdict.outcome, Outcome::Proven);
    assert!(verdict.evidence.unwrap().from_note);

    // Of another certificate: nothing, and no finding either.
    let verdict = verifier.verify_with(&other, &notes, None);
    assert!(matches!(verdict.outcome, Outcome::Unproven(_)));
    assert_eq!(verdict.evidence.unwrap().refused_notes, []);

    // One that lies is told, and changes nothing.
    let mut lying = notes[0].clone();
    lying.material.tlog_entries[0].integrated_time += 1;
    let verdict = verifier.verify_with(&stripped, &[lying.clone()], None);
    assert!(matches!(verdict.outcome, Outcome::Unproven(_)));
    let refused = verdict.evidence.unwrap().refused_notes;
    let reasons: Vec<_> = refused.into_iter().map(|failure| failure.reason).collect();
    assert_eq!(reasons, [Reason::PromiseInvalid]);
    let both = [lying, notes[0].clone()];
    assert_eq!(
        verifier.verify_with(&stripped, &both, None).outcome,
        Outcome::Proven
    );
}

/// The last octets of the attributes' identifiers: the log entry's, and the timestamp's.
const ENTRY: u8 = 1;
const TIMESTAMP: u8 = 14;

/// A commit whose signature's unsigned attributes are changed.
fn with_attributes(object: &Object, change: impl FnOnce(&mut Vec<Tlv>)) -> Object {
    let der = Armor::decode(object.own_signature().unwrap()).unwrap();
    let mut message = Tlv::parse(&der).unwrap();
    let signer = message.at(&[1, 0, 4, 0]);
    change(signer.child(6).children());
    if signer.child(6).children().is_empty() {
        signer.children().pop();
    }
    let armor = Armor::encode(&message.to_der());
    super::tests::object(&commit(&object.payload(), &armor))
}

fn without(object: &Object, id: u8) -> Object {
    with_attributes(object, |attributes| {
        attributes.retain_mut(|attribute| attribute.child(0).content().last() != Some(&id));
    })
}

/// What a note would hold: the bundle of an object with everything but this.
fn note(object: &Object, id: u8) -> Bundle {
    let object = without(object, id);
    let signature = GitSignature::from_armor(object.own_signature().unwrap());
    signature.unwrap().bundle().unwrap()
}

#[test]
fn no_bundle_beside_the_object_makes_good_what_is_wrong_in_it() {
    let forge = Forge::new();
    let verifier = verifier(&forge);
    let object = signed(&forge, &GitPlan::GITSIGN);
    let notes = [note(&object, TIMESTAMP)];
    let stripped = without(&object, ENTRY);
    assert_eq!(
        verifier.verify_with(&stripped, &notes, None).outcome,
        Outcome::Proven
    );

    let spoiled = |change: fn(&mut Vec<u8>)| {
        let spoiled = with_attributes(&object, |attributes| {
            let value = attributes[0].at(&[1, 0]);
            let mut bytes = value.content();
            change(&mut bytes);
            value.set_content(bytes);
        });
        verifier.verify_with(&spoiled, &notes, None).outcome.code()
    };
    // The index that the log has promised, and the protocol buffer.
    assert_eq!(spoiled(|bytes| bytes[1] ^= 1), Some("SH-LOG-PROMISE"));
    assert_eq!(spoiled(|bytes| bytes.truncate(9)), Some("SH-GIT-EMBEDDED"));

    let mut plan = GitPlan::GITSIGN;
    plan.kind.evidence.timestamps = 1;
    let armor = forge.git_armor(PAYLOAD, &plan, |stage| {
        if let Stage::Stamp(stamp) = stage {
            stamp.by_stranger = true;
        }
    });
    let object = super::tests::object(&commit(PAYLOAD, &armor));
    let notes = [note(&object, TIMESTAMP)];
    let refused = verifier.verify_with(&without(&object, ENTRY), &notes, None);
    assert_eq!(refused.outcome.code(), Some("SH-TIME-UNTRUSTED"));
}

#[test]
fn the_times_of_the_object_and_of_what_is_beside_it_all_count() {
    let forge = Forge::new();
    let verifier = verifier(&forge);
    let at = |seconds: i64| {
        let mut plan = GitPlan::GITSIGN;
        plan.kind.evidence.timestamps = 1;
        let armor = forge.git_armor(PAYLOAD, &plan, |stage| {
            if let Stage::Stamp(stamp) = stage {
                stamp.at = SIGNED_AT.plus_seconds(seconds);
            }
        });
        let object = super::tests::object(&commit(PAYLOAD, &armor));
        let notes = [note(&object, TIMESTAMP)];
        verifier.verify_with(&without(&object, ENTRY), &notes, None)
    };
    let verdict = at(540);
    assert_eq!(verdict.outcome, Outcome::Proven);
    let time = verdict.evidence.unwrap().examination.time;
    let times: Vec<_> = time
        .proven()
        .unwrap()
        .times
        .iter()
        .map(|source| source.time)
        .collect();
    assert_eq!(times, [SIGNED_AT.plus_seconds(540), SIGNED_AT]);
    // The certificate had expired when it was stamped, whenever it was logged.
    assert_eq!(at(541).outcome.code(), Some("SH-CERT-EXPIRED"));
}

#[test]
fn a_signature_over_something_else_is_refused() {
    let forge = Forge::new();
    let armor = forge.git_armor(PAYLOAD, &GitPlan::OURS, |_| {});
    let other = [PAYLOAD, b"\n"].concat();
    let verdict = verifier(&forge).verify(&object(&commit(&other, &armor)), None);
    let Outcome::Refused(failure) = &verdict.outcome else {
        panic!("{:?}", verdict.outcome)
    };
    assert_eq!(failure.code(), "SH-GIT-CONTENT");
    assert!(matches!(
        **failure,
        GitFailure::Signature(SignatureError::Cms(CmsError::MessageDigest { .. }))
    ));
    // What else it is worth is still told.
    assert!(verdict.evidence.unwrap().examination.log.proven().is_some());
}

#[test]
fn a_message_of_another_form_is_refused() {
    type Change = fn(&mut Tlv);
    let cases: [(Change, SignatureError); 9] = [
        // A second signer, none, and a content of its own.
        (
            |message| {
                let signers = message.at(&[1, 0, 4]).children();
                let signer = signers[0].clone();
                signers.push(signer);
            },
            SignatureError::Cms(CmsError::Signers),
        ),
        (
            |message| message.at(&[1, 0, 4]).children().clear(),
            SignatureError::Cms(CmsError::Signers),
        ),
        (
            |message| {
                let content = Tlv::of(0xa0, vec![Tlv::octets(*b"content")]);
                message.at(&[1, 0, 2]).children().push(content);
            },
            SignatureError::Content,
        ),
        // Somebody else's certificate, or none.
        (
            |message| message.at(&[1, 0, 4, 0, 1, 1]).set_content([7]),
            SignatureError::NoCertificate,
        ),
        (
            |message| {
                message.at(&[1, 0]).children().remove(3);
            },
            SignatureError::NoCertificate,
        ),
        // What no signature covers and follows from the rest.
        (
            |message| message.at(&[1, 0, 0]).set_content([3]),
            SignatureError::Cms(CmsError::Version {
                expected: 1,
                found: 3,
            }),
        ),
        (
            |message| message.at(&[1, 0, 4, 0, 0]).set_content([3]),
            SignatureError::Cms(CmsError::Version {
                expected: 1,
                found: 3,
            }),
        ),
        (
            |message| message.at(&[1, 0, 1]).children().clear(),
            SignatureError::Cms(CmsError::DigestAlgorithms),
        ),
        (
            |message| {
                message
                    .at(&[1, 0])
                    .children()
                    .insert(4, Tlv::of(0xa1, vec![]))
            },
            SignatureError::Cms(CmsError::RevocationLists),
        ),
    ];
    let forge = Forge::new();
    for (number, (finish, expected)) in cases.into_iter().enumerate() {
        let plan = GitPlan {
            finish,
            ..GitPlan::OURS
        };
        assert_eq!(
            refusal(&forge, &plan),
            GitFailure::Signature(expected),
            "{number}"
        );
    }
}

#[test]
fn wrong_signed_attributes_are_refused_even_if_they_are_signed() {
    type Change = fn(&mut Tlv);
    let oid = |text: &str| text.parse().unwrap();
    let attribute = |text: &str| CmsError::Attribute { oid: oid(text) };
    let cases: [(Change, CmsError); 4] = [
        // In DER's order: content-type, signing-time, message-digest.
        (
            |set| {
                set.children().remove(0);
            },
            CmsError::MissingAttribute {
                oid: oid("1.2.840.113549.1.9.3"),
            },
        ),
        (
            |set| {
                set.children().remove(2);
            },
            CmsError::MissingAttribute {
                oid: oid("1.2.840.113549.1.9.4"),
            },
        ),
        (
            |set| {
                let again = set.child(2).clone();
                set.children().push(again);
            },
            attribute("1.2.840.113549.1.9.4"),
        ),
        (
            |set| {
                let value = set.at(&[2, 1, 0]).clone();
                set.at(&[2, 1]).children().push(value);
            },
            attribute("1.2.840.113549.1.9.4"),
        ),
    ];
    let forge = Forge::new();
    for (number, (attributes, expected)) in cases.into_iter().enumerate() {
        let plan = GitPlan {
            attributes,
            ..GitPlan::OURS
        };
        let expected = GitFailure::Signature(SignatureError::Cms(expected));
        assert_eq!(refusal(&forge, &plan), expected, "{number}");
    }
    let no_attributes = GitPlan {
        finish: |message| {
            message.at(&[1, 0, 4, 0]).children().remove(3);
        },
        ..GitPlan::OURS
    };
    let expected = CmsError::MissingAttribute {
        oid: oid("1.2.840.113549.1.9.3"),
    };
    assert_eq!(
        refusal(&forge, &no_attributes),
        GitFailure::Signature(SignatureError::Cms(expected))
    );
}

#[test]
fn a_claimed_time_far_from_the_certificate_is_refused() {
    let forge = Forge::new();
    let at = |seconds: i64| GitPlan {
        claimed: Some(SIGNED_AT.plus_seconds(seconds)),
        ..GitPlan::OURS
    };
    // The certificate is for one minute before until nine after.
    for seconds in [-660, -60, 0, 540, 1140] {
        assert_eq!(
            outcome(&forge, &signed(&forge, &at(seconds))),
            Outcome::Proven
        );
    }
    for seconds in [-661, 1141] {
        let failure = refusal(&forge, &at(seconds));
        assert_eq!(failure.code(), "SH-GIT-SIGNING-TIME");
        assert!(matches!(failure, GitFailure::SigningTime { claimed, .. }
            if claimed == SIGNED_AT.plus_seconds(seconds)));
    }
    let none = GitPlan {
        claimed: None,
        ..GitPlan::OURS
    };
    assert_eq!(outcome(&forge, &signed(&forge, &none)), Outcome::Proven);
}

#[test]
fn an_entry_that_cannot_be_read_is_refused_and_not_taken_for_none() {
    let forge = Forge::new();
    // signer -> [1] -> attributes in DER's order: the timestamp comes first, being shorter.
    let broken = |finish: fn(&mut Tlv)| {
        let plan = GitPlan {
            finish,
            ..GitPlan::GITSIGN
        };
        match refusal(&forge, &plan) {
            GitFailure::Embedded(error) => error,
            other => panic!("{other:?}"),
        }
    };
    let entry = |error| EmbeddedError::Entry(error);
    assert_eq!(
        broken(|message| message.at(&[1, 0, 4, 0, 6, 0, 1, 0]).set_content([0x08])),
        entry(EntryError::Protobuf(ProtobufError::Ended))
    );
    assert_eq!(
        broken(|message| message.at(&[1, 0, 4, 0, 6, 0, 1, 0]).set_content([])),
        entry(EntryError::Body {
            kind: String::new(),
            version: String::new(),
        })
    );
    assert_eq!(
        broken(|message| message.at(&[1, 0, 4, 0, 6, 0, 1, 0]).tag = 0x13),
        entry(EntryError::Missing { field: "promise" })
    );
    let timestamp = GitPlan {
        finish: |message| message.at(&[1, 0, 4, 0, 6, 0, 1, 0]).children().clear(),
        ..GitPlan::OURS
    };
    assert_eq!(refusal(&forge, &timestamp).code(), "SH-TIME-TIMESTAMP");
}

#[test]
fn an_entry_of_another_signature_is_refused() {
    let forge = Forge::new();
    let mut taken = Vec::new();
    forge.git_armor(PAYLOAD, &GitPlan::OURS, |stage| {
        if let Stage::Logged(entries) = stage {
            taken.clone_from(entries);
        }
    });
    let armor = forge.git_armor(PAYLOAD, &GitPlan::OURS, |stage| {
        if let Stage::Logged(entries) = stage {
            entries.clone_from(&taken);
        }
    });
    let found = outcome(&forge, &object(&commit(PAYLOAD, &armor)));
    let Outcome::Refused(failure) = found else {
        panic!("{found:?}")
    };
    assert_eq!(
        failure.code(),
        "SH-LOG-DIGEST".replace("DIGEST", "SIGNATURE")
    );
}

#[test]
fn other_authorities_and_other_roots_are_refused() {
    let forge = Forge::new();
    let armor = forge.git_armor(PAYLOAD, &GitPlan::ONLINE, |stage| {
        if let Stage::Leaf(leaf) = stage {
            leaf.under = Under::Impostor;
        }
    });
    let found = outcome(&forge, &object(&commit(PAYLOAD, &armor)));
    assert_eq!(found.code(), Some("SH-CERT-CHAIN"));

    let object = signed(&forge, &GitPlan::ONLINE);
    assert_eq!(outcome(&Forge::new(), &object).as_str(), "refused");
    // Of several instances the right one is found by the certificate.
    let instance = |name: &str, forge: &Forge| Instance {
        name: Some(name.to_owned()),
        verifier: verifier(forge).first.verifier,
    };
    let several = GitVerifier::of_instances(
        instance("first", &Forge::new()),
        [instance("second", &forge), instance("third", &Forge::new())],
    );
    let verdict = several.verify(&signed(&forge, &GitPlan::OURS), None);
    assert_eq!(verdict.outcome, Outcome::Proven);
    assert_eq!(
        verdict.evidence.unwrap().instance.as_deref(),
        Some("second")
    );
}

#[test]
fn other_signatures_are_told_apart_and_none_is_verified() {
    let verifier = verifier(&Forge::new());
    let found = |armor: &str| verifier.verify(&object(&commit(PAYLOAD, armor)), None);
    let ssh = found("-----BEGIN SSH SIGNATURE-----\n");
    assert_eq!(ssh.outcome, Outcome::Foreign(SignatureKind::Ssh));
    assert_eq!(ssh.outcome.code(), Some("SH-GIT-FOREIGN"));
    assert_eq!(
        found("text").outcome,
        Outcome::Foreign(SignatureKind::Unknown)
    );
    let unsigned = verifier.verify(&object(PAYLOAD), None);
    assert_eq!(
        (unsigned.signature, unsigned.outcome),
        (None, Outcome::Unsigned)
    );
    let cut = found("-----BEGIN SIGNED MESSAGE-----\nAAAA\n");
    let failure = GitFailure::Signature(SignatureError::Armor(ArmorError::End));
    assert_eq!(failure.code(), "SH-GIT-ARMOR");
    assert_eq!(cut.outcome, Outcome::Refused(Box::new(failure)));
}

#[test]
fn tags_in_a_merge_are_objects_of_their_own() {
    let forge = Forge::new();
    let good = forge.tag_by("bob@example.test", TAG);
    let bad = b"object nothing\ntype commit\ntag v1\n\nv1\n";
    let fold = |tag: &[u8]| {
        let text = String::from_utf8(tag.to_vec()).unwrap();
        format!(
            "mergetag {}\n",
            text.trim_end_matches('\n').replace('\n', "\n ")
        )
    };
    let text = String::from_utf8(PAYLOAD.to_vec()).unwrap();
    let merge = text.replacen("\n\n", &format!("\n{}{}\n", fold(&good), fold(bad)), 1);
    let merge = object(merge.as_bytes());
    let verifier = verifier(&forge);
    assert_eq!(verifier.verify(&merge, None).outcome, Outcome::Unsigned);
    let [good_verdict, bad_verdict] = verifier.verify_embedded(&merge, None).try_into().unwrap();
    assert_eq!(good_verdict.outcome, Outcome::Proven);
    assert_eq!(good_verdict.id, object(&good).id());
    assert_eq!(bad_verdict.outcome.as_str(), "unreadable");
    assert_eq!(
        bad_verdict.id,
        ObjectId::of(merge.format(), ObjectKind::Tag, bad)
    );
}

/// What is changed in a signature that is proven leaves it proven only in a timestamp token's own versions and lists, from
/// which nothing follows.
#[test]
fn a_byte_that_is_changed_makes_it_fail() {
    const STEP: usize = 41;
    let forge = Forge::new();
    let verifier = verifier(&forge);
    for mut plan in [GitPlan::OURS, GitPlan::GITSIGN] {
        // Nothing rests on a certificate that the trusted root lists too, or on witnesses whom nobody asked for.
        plan.kind.evidence.embeds_certificate = false;
        let armor = forge.git_armor(PAYLOAD, &plan, |stage| {
            if let Stage::Log(log) = stage {
                log.witnesses = (Vec::new(), Vec::new());
            }
        });
        let der = Armor::decode(armor.as_bytes()).unwrap();
        let signature = GitSignature::from_der(&der).unwrap();
        let replies = signature.timestamps().unwrap();
        let token = replies
            .first()
            .map(|reply| TimestampResponse::token_der(reply).unwrap());
        let token = token.map_or(0..0, |token| {
            let start = der
                .windows(token.len())
                .position(|window| window == token)
                .unwrap();
            start..start + token.len()
        });
        for bit in (0..der.len() * 8).step_by(STEP) {
            let mut changed = der.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let armor = Armor::encode(&changed);
            let verdict = verifier.verify_signature(armor.as_bytes(), PAYLOAD, None);
            if verdict.outcome == Outcome::Proven {
                assert!(
                    token.contains(&(bit / 8)),
                    "bit {bit} of {}",
                    hex::encode(&der)
                );
            }
        }
    }
}

#[test]
fn an_algorithm_that_is_not_the_one_used_is_refused() {
    let plan = GitPlan {
        // ecdsa-with-SHA384 beside SHA-256
        finish: |message| {
            let id = message.at(&[1, 0, 4, 0, 4, 0]);
            id.set_content([0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]);
        },
        ..GitPlan::OURS
    };
    assert_eq!(
        refusal(&Forge::new(), &plan),
        GitFailure::Signature(SignatureError::Scheme)
    );
}

#[test]
fn a_time_before_the_epoch_is_not_plausible() {
    let forge = Forge::new();
    let evidence = verifier(&forge)
        .verify(&signed(&forge, &GitPlan::OURS), None)
        .evidence
        .unwrap();
    let mut evidence = *evidence;
    evidence.signing_time = Some(Time::from_unix(i64::MIN));
    assert_eq!(evidence.is_signing_time_plausible(), Some(false));
}
