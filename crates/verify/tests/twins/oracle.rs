//! What `sigstore-verify` says.

use std::panic::{AssertUnwindSafe, catch_unwind};

use signhere_testkit::forge::Keying;
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Bundle, DerPublicKey};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, Verifier};

use crate::Case;

/// Its verdict; a panic counts as a refusal.
pub(crate) fn accepts(case: &Case) -> Result<(), String> {
    let verdict = catch_unwind(AssertUnwindSafe(|| verify(case)));
    verdict.unwrap_or_else(|_| Err("it panics".to_owned()))
}

fn verify(case: &Case) -> Result<(), String> {
    let root = TrustedRoot::from_json(&case.root.to_string()).map_err(|e| e.to_string())?;
    let verifier = Verifier::new(&root).map_err(|error| error.to_string())?;
    let bundle = Bundle::from_json(&case.json).map_err(|error| error.to_string())?;
    let artifact = case.artifact.as_slice();
    let outcome = match case.forged.kind.keying {
        Keying::Certificate(_) => {
            let policy = VerificationPolicy::new(case.identity.as_str(), case.issuer.as_str());
            verifier.verify(artifact, &bundle, &policy)
        }
        Keying::ManagedKey => {
            let key = DerPublicKey::from_bytes(case.forged.key.spki_der());
            verifier.verify(artifact, &bundle, &PublicKeyVerificationPolicy::new(key))
        }
    };
    outcome.map(drop).map_err(|error| error.to_string())
}
