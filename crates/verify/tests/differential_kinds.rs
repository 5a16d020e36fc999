//! Forged bundles of every kind before `sigstore-verify`, an implementation of others: what it accepts as we do shows
//! that the forge writes what others read. Each difference is listed here, and explained in
//! `docs/design/differential.md`.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod forge;
#[path = "mutation/mutate.rs"]
mod mutate;

use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::KeyKind;
use signhere_testkit::forge::{
    ARTIFACT, Entry, Forge, Forged, IDENTITY, ISSUER, Keying, Kind, RootVersion,
};
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Bundle, DerPublicKey};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, Verifier};

use forge::{STATEMENT, V2, V2_STATEMENT, Verifiers};

/// Why `sigstore-verify` refuses a valid kind that we accept.
fn not_theirs(kind: Kind) -> Option<&'static str> {
    match kind.entry {
        Entry::DsseV002 | Entry::IntotoV001 => Some("entries of this kind are not read"),
        Entry::HashedRekordV002 if kind.key != KeyKind::P256 => {
            Some("the details of P-256 keys alone are read in these entries")
        }
        Entry::HashedRekordV001 if kind.scheme.hash() != Some(HashAlgorithm::Sha256) => {
            Some("digests other than SHA-256 are not read in these entries")
        }
        _ if kind.key == KeyKind::P521 => Some("P-521 is not supported"),
        _ => None,
    }
}

#[test]
fn every_kind_is_accepted_by_both_or_listed() {
    let forge = Forge::new();
    let verifier = theirs(&forge);
    let (mut both, mut listed) = (0, 0);
    for kind in [Kind::all(), Kind::unusual()].concat() {
        // It has no notion of a root without logs.
        if kind.entry == Entry::None {
            continue;
        }
        let forged = forge.bundle(kind);
        let outcome = accepts(&verifier, &forged, &forged.json.to_string());
        match not_theirs(kind) {
            None => assert_eq!(outcome, Ok(()), "{kind}"),
            Some(reason) => assert!(outcome.is_err(), "{kind}: {reason}"),
        }
        *(if outcome.is_ok() {
            &mut both
        } else {
            &mut listed
        }) += 1;
    }
    assert!(both > 300 && listed > 100, "{both} {listed}");
}

/// A change that one of the two accepts.
struct Difference {
    accepted_by_us: bool,
    /// Whether it shows in the second generation of logs alone.
    in_v2_alone: bool,
    /// The end of the field's path, and of what was done to it.
    field: &'static str,
    change: &'static str,
}

const fn theirs_alone(field: &'static str, change: &'static str, in_v2_alone: bool) -> Difference {
    Difference {
        accepted_by_us: false,
        in_v2_alone,
        field,
        change,
    }
}

const DIFFERENCES: [Difference; 10] = [
    theirs_alone("", "given in both spellings", false),
    theirs_alone("", "given twice", false),
    theirs_alone("/mediaType", "removed", false),
    theirs_alone("/mediaType", "renamed", false),
    theirs_alone("/checkpoint/envelope", "", false),
    theirs_alone("/inclusionProof/treeSize", "", false),
    theirs_alone("/inclusionProof/logIndex", "", true),
    theirs_alone("/inclusionProof/rootHash", "", true),
    theirs_alone("/logId/keyId", "", true),
    // What no signature reaches: neutral.rs says which parts of a timestamp these are.
    Difference {
        accepted_by_us: true,
        in_v2_alone: true,
        field: "/signedTimestamp",
        change: "",
    },
];

#[test]
fn every_change_is_decided_alike_or_listed() {
    let forge = Forge::new();
    let verifier = theirs(&forge);
    let ours = Verifiers::of(&forge, RootVersion::V0_1);
    let mut met = [false; DIFFERENCES.len()];
    for kind in [Kind::PLAIN, V2, STATEMENT, V2_STATEMENT] {
        let forged = forge.bundle(kind);
        for mutant in mutate::every_node(&forged.json, &mut |below| below / 3) {
            let text = String::from_utf8(mutant.json).unwrap();
            let us = ours.verify_bytes(&forged, text.as_bytes()).is_verified();
            let them = accepts(&verifier, &forged, &text).is_ok();
            if us == them {
                continue;
            }
            let (path, change) = mutant.what.split_once(' ').unwrap();
            let known = DIFFERENCES.iter().position(|known| {
                known.accepted_by_us == us
                    && (kind.entry.is_v2() || !known.in_v2_alone)
                    && path.ends_with(known.field)
                    && change.ends_with(known.change)
            });
            let known = known.unwrap_or_else(|| panic!("{kind}: {}: ours {us}", mutant.what));
            met[known] = true;
        }
    }
    // Where in a timestamp a change falls is up to its serial number and signature.
    let always = &met[..DIFFERENCES.len() - 1];
    assert!(always.iter().all(|met| *met), "{met:?}");
}

fn theirs(forge: &Forge) -> Verifier {
    let root = forge.trusted_root(RootVersion::V0_1).to_string();
    Verifier::new(&TrustedRoot::from_json(&root).unwrap()).unwrap()
}

fn accepts(verifier: &Verifier, forged: &Forged, json: &str) -> Result<(), String> {
    let bundle = Bundle::from_json(json).map_err(|error| error.to_string())?;
    let outcome = match forged.kind.keying {
        Keying::Certificate(_) => {
            let policy = VerificationPolicy::new(IDENTITY, ISSUER);
            verifier.verify(ARTIFACT, &bundle, &policy)
        }
        Keying::ManagedKey => {
            let key = DerPublicKey::from_bytes(forged.key.spki_der());
            verifier.verify(ARTIFACT, &bundle, &PublicKeyVerificationPolicy::new(key))
        }
    };
    outcome.map(drop).map_err(|error| error.to_string())
}
