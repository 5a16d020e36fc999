//! What the tests on forged bundles share.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use serde_json::{Value, json};
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::PublicKey;
use signhere_testkit::forge::{
    ARTIFACT, Content, Entry, Evidence, Forge, Forged, IDENTITY, ISSUER, Keying, Kind, RootVersion,
};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verdict::{Reason, Verdict};
use signhere_verify::verifier::{Artifact, Policy, Verifier};

/// A verifier for the JSON of a trusted root.
pub(crate) fn verifier(root: &Value) -> Verifier {
    let root = TrustedRoot::parse(root.to_string().as_bytes()).unwrap();
    Verifier::new(root).unwrap()
}

/// What the root's verifier says of a bundle, asked for its own signer.
pub(crate) fn verify(root: &Value, forged: &Forged) -> Verdict {
    verifier(root).verify_json(
        &forged.to_bytes(),
        &Artifact::Bytes(ARTIFACT),
        &policy(forged),
    )
}

/// Why it refuses the bundle, if it does.
pub(crate) fn reason(root: &Value, forged: &Forged) -> Option<Reason> {
    verify(root, forged).failure.map(|failure| failure.reason)
}

/// The instance's verifiers, with its logs and without.
pub(crate) struct Verifiers {
    with_logs: Verifier,
    without_logs: Verifier,
}

impl Verifiers {
    pub(crate) fn of(forge: &Forge, version: RootVersion) -> Self {
        let mut root = forge.trusted_root(version);
        let with_logs = verifier(&root);
        root["tlogs"] = json!([]);
        Self {
            with_logs,
            without_logs: verifier(&root),
        }
    }

    pub(crate) fn fitting(&self, kind: Kind) -> &Verifier {
        if kind.entry == Entry::None {
            &self.without_logs
        } else {
            &self.with_logs
        }
    }

    pub(crate) fn verify(&self, forged: &Forged) -> Verdict {
        self.verify_bytes(forged, &forged.to_bytes())
    }

    pub(crate) fn verify_bytes(&self, forged: &Forged, json: &[u8]) -> Verdict {
        self.fitting(forged.kind)
            .verify_json(json, &Artifact::Bytes(ARTIFACT), &policy(forged))
    }

    pub(crate) fn verify_by_digest(&self, forged: &Forged) -> Verdict {
        let digests = HashAlgorithm::ALL.map(|hash| hash.digest(ARTIFACT));
        self.fitting(forged.kind).verify_json(
            &forged.to_bytes(),
            &Artifact::Digests(&digests),
            &policy(forged),
        )
    }
}

/// The policy that the bundle's signer meets.
pub(crate) fn policy(forged: &Forged) -> Policy {
    match forged.kind.keying {
        Keying::Certificate(_) => identity(IDENTITY, ISSUER),
        Keying::ManagedKey => key(&forged.key),
    }
}

pub(crate) fn identity(identity: &str, issuer: &str) -> Policy {
    Policy::Identity {
        identity: identity.to_owned(),
        issuer: issuer.to_owned(),
    }
}

pub(crate) fn key(key: &PublicKey) -> Policy {
    Policy::Key(key.clone())
}

/// An artifact in Rekor v2, with a timestamp.
pub(crate) const V2: Kind = Kind {
    entry: Entry::HashedRekordV002,
    evidence: Evidence {
        promise: false,
        proof: true,
        timestamps: 1,
        embeds_certificate: true,
    },
    ..Kind::PLAIN
};

/// The same with a key that the verifier brings, and no timestamp.
pub(crate) const V2_KEY: Kind = Kind {
    keying: Keying::ManagedKey,
    evidence: Evidence {
        timestamps: 0,
        embeds_certificate: false,
        ..V2.evidence
    },
    ..V2
};

/// A statement in Rekor v1.
pub(crate) const STATEMENT: Kind = Kind {
    content: Content::Dsse,
    entry: Entry::DsseV001,
    ..Kind::PLAIN
};

/// A statement in Rekor v2.
pub(crate) const V2_STATEMENT: Kind = Kind {
    content: Content::Dsse,
    ..V2
};

/// An artifact in Rekor v1 whose time a timestamp proves, not a promise.
pub(crate) const PROOF_ONLY: Kind = Kind {
    evidence: Evidence {
        promise: false,
        timestamps: 1,
        ..Kind::PLAIN.evidence
    },
    ..Kind::PLAIN
};
