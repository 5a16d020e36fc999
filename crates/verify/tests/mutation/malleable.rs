//! Every ECDSA signature (r, s) has a twin (r, n - s) that anybody can make. Where something else binds the bytes of a
//! signature, the twin is refused; where nothing does, it proves the same as the first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use signhere_testkit::forge::{Content, Entry, Forge, Kind, RootVersion};
use signhere_verify::verdict::{Reason, StepName};

use crate::der::{change_last, twin};
use crate::forge::{STATEMENT, V2, V2_KEY, V2_STATEMENT, Verifiers};

/// The entry binds the bytes of the signature, in every kind of entry.
#[test]
fn the_twin_of_a_logged_signature_is_refused() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let intoto = |entry| Kind { entry, ..STATEMENT };
    let v2 = Kind {
        entry: Entry::DsseV002,
        ..V2_STATEMENT
    };
    for kind in [
        Kind::PLAIN,
        V2,
        STATEMENT,
        V2_STATEMENT,
        v2,
        intoto(Entry::IntotoV001),
        intoto(Entry::IntotoV002),
    ] {
        let mut forged = forge.bundle(kind);
        let pointer = match kind.content {
            Content::Message => "/messageSignature/signature",
            Content::Dsse => "/dsseEnvelope/signatures/0/sig",
        };
        replace(&mut forged.json, pointer, twin);
        let failure = verifiers.verify(&forged).failure.unwrap();
        let reason = match kind.entry {
            Entry::IntotoV001 => Reason::EntryDigest, // it logs the envelope, signature and all
            _ => Reason::EntrySignature,
        };
        assert_eq!(
            (failure.step, failure.reason),
            (StepName::Log, reason),
            "{kind}"
        );
    }
}

/// The entry binds the certificate with the CA's signature on it. That of the certificate log is in what the CA signs,
/// so that nobody can exchange it.
#[test]
fn the_twin_of_a_certificates_signature_is_refused() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    for kind in [Kind::PLAIN, V2, STATEMENT, V2_STATEMENT] {
        let mut forged = forge.bundle(kind);
        replace(&mut forged.json, LEAF, |der| change_last(der, twin));
        let failure = verifiers.verify(&forged).failure.unwrap();
        assert_eq!(
            (failure.step, failure.reason),
            (StepName::Log, Reason::EntryKey),
            "{kind}"
        );
    }
}

/// NEUTRAL: nothing binds the bytes of a promise, of a checkpoint's or a timestamp's signature. The twin is the same
/// key's statement about the same entry, tree or signature, and the verdict is the same.
#[test]
fn the_twins_of_service_signatures_prove_the_same() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let same = |kind: Kind, spoil: fn(&mut Value)| {
        let forged = forge.bundle(kind);
        let before = verifiers.verify(&forged);
        assert_eq!(before.failure, None, "{kind}");
        let mut changed = forged.clone();
        spoil(&mut changed.json);
        assert_ne!(changed.json, forged.json, "{kind}");
        assert_eq!(verifiers.verify(&changed), before, "{kind}");
    };
    same(Kind::PLAIN, |bundle| {
        let entry = "/verificationMaterial/tlogEntries/0";
        replace(
            bundle,
            &format!("{entry}/inclusionPromise/signedEntryTimestamp"),
            twin,
        );
    });
    same(V2, |bundle| {
        let stamps = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0";
        replace(bundle, &format!("{stamps}/signedTimestamp"), |der| {
            change_last(der, twin)
        });
    });
    same(Kind::PLAIN, |bundle| {
        let proof = &mut bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"];
        let note = proof["checkpoint"]["envelope"].as_str().unwrap();
        let (before, encoded) = note.trim_end().rsplit_once(' ').unwrap();
        let line = STANDARD.decode(encoded).unwrap();
        let line = [&line[..4], &twin(&line[4..])].concat();
        proof["checkpoint"]["envelope"] = format!("{before} {}\n", STANDARD.encode(line)).into();
    });
}

/// NEUTRAL: without a log nothing binds the bytes of the signature and of the certificate either.
#[test]
fn the_twins_of_unlogged_signatures_prove_the_same() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let unlogged = Kind {
        entry: Entry::None,
        ..V2_STATEMENT
    };
    let mut forged = forge.bundle(unlogged);
    replace(&mut forged.json, LEAF, |der| change_last(der, twin));
    assert_eq!(verifiers.verify(&forged).failure, None);

    // A timestamp would bind it: this is a key's, which needs none.
    let mut forged = forge.bundle(Kind {
        entry: Entry::None,
        content: Content::Dsse,
        ..V2_KEY
    });
    replace(&mut forged.json, "/dsseEnvelope/signatures/0/sig", twin);
    assert_eq!(verifiers.verify(&forged).failure, None);
}

const LEAF: &str = "/verificationMaterial/certificate/rawBytes";

fn replace(bundle: &mut Value, pointer: &str, with: fn(&[u8]) -> Vec<u8>) {
    let value = bundle.pointer_mut(pointer).unwrap();
    let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
    *value = STANDARD.encode(with(&bytes)).into();
}
