//! Trusted roots of other shapes than the forge's usual one: each way of vouching for a bundle, and what is missing
//! when it does not.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod forge;

use serde_json::json;
use signhere_pki::cert::San;
use signhere_pki::chain::ChainError;
use signhere_pki::fulcio;
use signhere_pki::key::KeyKind;
use signhere_pki::tsp::TspError;
use signhere_testkit::forge::{
    ARTIFACT, Content, Entry, Evidence, Forge, ISSUER, Keying, Kind, MediaType, RootVersion, Stage,
    Under, ed25519, fresh,
};
use signhere_verify::verdict::Reason;
use signhere_verify::verifier::Artifact;

use forge::{STATEMENT, V2, V2_KEY, V2_STATEMENT, identity, reason, verifier, verify};

/// A root may list the timestamp authority's certificate, or leave it to the timestamps to embed it.
#[test]
fn the_timestamp_certificate_is_listed_or_embedded() {
    let forge = Forge::new();
    let listed = forge.trusted_root(RootVersion::V0_1);
    let mut root_alone = listed.clone();
    let chain = &mut root_alone["timestampAuthorities"][0]["certChain"]["certificates"];
    chain.as_array_mut().unwrap().remove(0);

    let embedding = forge.bundle(V2);
    let bare = forge.bundle(Kind {
        evidence: Evidence {
            embeds_certificate: false,
            ..V2.evidence
        },
        ..V2
    });
    assert_eq!(reason(&listed, &embedding), None);
    assert_eq!(reason(&listed, &bare), None);
    assert_eq!(reason(&root_alone, &embedding), None);
    assert_eq!(reason(&root_alone, &bare), Some(Reason::TimestampUntrusted));

    let impostor = forge.spoiled(V2, |stage| {
        if let Stage::Stamp(plan) = stage {
            plan.by_impostor = true;
        }
    });
    let refused = reason(&root_alone, &impostor).unwrap();
    let expected = |error: &TspError| matches!(error, TspError::Chain(ChainError::SignatureInvalid { subject }) if subject.contains("timestamps"));
    assert!(
        matches!(&refused, Reason::Timestamp(error) if expected(error)),
        "{refused:?}"
    );
}

/// Intermediates come from the trusted root: those in a bundle's chain help nobody.
#[test]
fn an_intermediate_in_the_bundle_is_not_used() {
    let forge = Forge::new();
    let mut root = forge.trusted_root(RootVersion::V0_1);
    let chain = &mut root["certificateAuthorities"][0]["certChain"]["certificates"];
    chain.as_array_mut().unwrap().remove(0);
    for media_type in [MediaType::V0_1, MediaType::V0_2, MediaType::V0_3] {
        let under = |under| Kind {
            media_type,
            keying: Keying::Certificate(under),
            ..Kind::PLAIN
        };
        assert_eq!(reason(&root, &forge.bundle(under(Under::Root))), None);
        let refused = reason(&root, &forge.bundle(under(Under::Intermediate)));
        assert_eq!(refused, Some(Reason::CertificateUntrusted));
    }
}

/// The first authority with a kind of key that is not known here must not take the others with it.
#[test]
fn an_authority_that_cannot_be_used_fails_alone() {
    let forge = Forge::new();
    let root = forge.trusted_root(RootVersion::V0_1);
    let unusable = |authorities: &str| {
        let mut root = root.clone();
        let chain = &mut root[authorities][0]["certChain"]["certificates"];
        chain.as_array_mut().unwrap().reverse();
        root
    };
    let is_unusable = |reason: Option<Reason>| matches!(reason, Some(Reason::AuthorityUnusable(_)));

    let timestamps = unusable("timestampAuthorities");
    assert_eq!(reason(&timestamps, &forge.bundle(Kind::PLAIN)), None);
    assert!(is_unusable(reason(&timestamps, &forge.bundle(V2))));

    let certificates = unusable("certificateAuthorities");
    assert_eq!(reason(&certificates, &forge.bundle(V2_KEY)), None);
    assert!(is_unusable(reason(
        &certificates,
        &forge.bundle(Kind::PLAIN)
    )));
}

/// Authorities renew their keys and keep their names: whichever comes first, the right one is found.
#[test]
fn authorities_of_one_name_are_all_tried() {
    let (forge, mut renewed) = (Forge::new(), Forge::new());
    renewed.rekor_v2.key = ed25519("renewed");
    let root = forge.trusted_root(RootVersion::V0_1);
    let other = renewed.trusted_root(RootVersion::V0_1);
    for field in [
        "certificateAuthorities",
        "timestampAuthorities",
        "ctlogs",
        "tlogs",
    ] {
        for other_first in [false, true] {
            let mut both = root.clone();
            let (old, new) = (
                root[field].as_array().unwrap(),
                other[field].as_array().unwrap(),
            );
            both[field] = match other_first {
                true => [new.as_slice(), old].concat().into(),
                false => [old.as_slice(), new].concat().into(),
            };
            for kind in [Kind::PLAIN, V2, STATEMENT, V2_STATEMENT] {
                assert_eq!(reason(&both, &forge.bundle(kind)), None, "{field} {kind}");
            }
        }
    }
}

/// A log may have another kind of key than its generation usually has.
#[test]
fn logs_have_keys_of_several_kinds() {
    for kind in [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Ed25519,
    ] {
        let mut forge = Forge::new();
        forge.rekor_v1.key = fresh(kind);
        forge.rekor_v2.key = fresh(kind);
        for version in [RootVersion::V0_1, RootVersion::V0_2] {
            let root = forge.trusted_root(version);
            for bundle in [Kind::PLAIN, V2, STATEMENT, V2_STATEMENT] {
                assert_eq!(
                    reason(&root, &forge.bundle(bundle)),
                    None,
                    "{kind}: {bundle}"
                );
            }
        }
    }
}

/// Without a certificate log in the root there is nothing to ask of a certificate, and the verdict says so.
#[test]
fn a_root_without_a_certificate_log_asks_for_no_timestamp() {
    let forge = Forge::new();
    let mut root = forge.trusted_root(RootVersion::V0_1);
    root["ctlogs"] = json!([]);
    let forged = forge.spoiled(Kind::PLAIN, |stage| {
        if let Stage::Leaf(plan) = stage {
            plan.sct.embedded = false;
        }
    });
    let verdict = serde_json::to_value(verify(&root, &forged)).unwrap();
    assert_eq!(verdict["verified"], true);
    let steps = verdict["steps"].as_array().unwrap();
    let sct = steps.iter().find(|step| step["step"] == "sct").unwrap();
    assert_eq!(sct["required"], false);
}

/// A root without logs does not let an entry pass that nobody can check.
#[test]
fn an_entry_of_a_log_that_is_not_trusted_is_refused() {
    let forge = Forge::new();
    let mut root = forge.trusted_root(RootVersion::V0_1);
    root["tlogs"] = json!([]);
    for kind in [Kind::PLAIN, V2, STATEMENT, V2_STATEMENT] {
        assert_eq!(
            reason(&root, &forge.bundle(kind)),
            Some(Reason::LogUnknown),
            "{kind}"
        );
    }
    let unlogged = Kind {
        content: Content::Dsse,
        entry: Entry::None,
        ..V2
    };
    assert_eq!(reason(&root, &forge.bundle(unlogged)), None);
    let root = forge.trusted_root(RootVersion::V0_1);
    assert_eq!(
        reason(&root, &forge.bundle(unlogged)),
        Some(Reason::LogEntryMissing)
    );
}

/// Everybody who can have a certificate, and nobody by half a name.
#[test]
fn identities_of_every_sort() {
    let forge = Forge::new();
    let root = forge.trusted_root(RootVersion::V0_1);
    let workflow = "https://ci.example/team/project/.github/workflows/release.yml@refs/heads/main";
    for san in [
        San::Email("ada+tag@example.test".to_owned()),
        San::Uri(workflow.to_owned()),
        San::Uri("spiffe://example.test/ns/build".to_owned()),
        San::OtherName {
            oid: fulcio::USERNAME,
            value: "ada!example.test".to_owned(),
        },
    ] {
        let forged = forge.spoiled(V2, |stage| {
            if let Stage::Leaf(plan) = stage {
                plan.san = san.clone();
            }
        });
        let ask = |name: &str| {
            verifier(&root)
                .verify_json(
                    &forged.to_bytes(),
                    &Artifact::Bytes(ARTIFACT),
                    &identity(name, ISSUER),
                )
                .failure
                .map(|failure| failure.reason)
        };
        let name = san.as_str();
        assert_eq!(ask(name), None, "{san}");
        let others = [
            name[1..].to_owned(),
            name[..name.len() - 1].to_owned(),
            format!("{name}/"),
            format!(" {name}"),
            name.to_uppercase(),
            format!("^{name}$"),
        ];
        for other in others {
            assert_eq!(ask(&other), Some(Reason::IdentityMismatch), "{other}");
        }
    }
}
