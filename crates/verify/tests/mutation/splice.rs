//! Parts of two valid bundles, of the same signer over the same artifact at the same time, do not make a third.

use serde_json::Value;
use signhere_testkit::forge::{ARTIFACT, Forge, Kind, RootVersion};
use signhere_verify::verifier::Artifact;

use crate::KINDS;
use crate::forge::{Verifiers, policy};
use crate::neutral;

/// What is taken from one bundle or the other, at every level.
const PARTS: [&str; 10] = [
    "/verificationMaterial/certificate",
    "/verificationMaterial/x509CertificateChain",
    "/verificationMaterial/tlogEntries/0/canonicalizedBody",
    "/verificationMaterial/tlogEntries/0/inclusionPromise",
    "/verificationMaterial/tlogEntries/0/inclusionProof",
    "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint",
    "/verificationMaterial/timestampVerificationData",
    "/messageSignature",
    "/dsseEnvelope",
    "/verificationMaterial",
];

/// Every subset of the parts: accepted only when what matters in it is all of one bundle.
#[test]
fn no_mixture_of_two_bundles_is_accepted() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    for kind in KINDS {
        let (ours, theirs) = (forge.bundle(kind), forge.bundle(kind));
        let parts: Vec<&str> = PARTS
            .into_iter()
            .filter(|part| ours.json.pointer(part) != theirs.json.pointer(part))
            .collect();
        let mut whole = 0;
        for subset in 0..1_u32 << parts.len() {
            let mut mixed = ours.json.clone();
            for (index, part) in parts.iter().enumerate() {
                if subset & (1 << index) != 0 {
                    *mixed.pointer_mut(part).unwrap() = theirs.json.pointer(part).unwrap().clone();
                }
            }
            let verdict = verifiers.fitting(kind).verify_json(
                mixed.to_string().as_bytes(),
                &Artifact::Bytes(ARTIFACT),
                &policy(&ours),
            );
            let is_one = is_same(kind, &mixed, &ours.json) || is_same(kind, &mixed, &theirs.json);
            if verdict.is_verified() {
                assert!(is_one, "{kind}: {subset:b} of {parts:?}");
                whole += 1;
            }
        }
        assert!(whole > 0 && whole < 1 << parts.len(), "{kind}: {whole}");
    }
}

fn is_same(kind: Kind, mixed: &Value, bundle: &Value) -> bool {
    neutral::explain(kind, bundle, mixed.to_string().as_bytes()).is_ok()
}
