//! Whose key signed, and how: settled before anything is verified, and believed only afterwards.

use signhere_pki::cert::Certificate;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::key::{KeyKind, PublicKey, Scheme};

use super::{Asked, ReadEntry, Step, failed};
use crate::bundle::{Bundle, BundleError, Content, KeyMaterial};
use crate::entry::{LoggedDigest, LoggedEntry};
use crate::error::Reason;
use crate::excerpt::excerpt;
use crate::verdict::StepName;

/// The key that should have signed.
pub(super) struct Signer<'a> {
    pub(super) key: PublicKey,
    /// The certificate that the key is in; `None` for a key given by the caller.
    pub(super) certificate: Option<&'a Certificate>,
    /// The ways in which the signature may have been made; nearly always one.
    pub(super) schemes: Vec<Scheme>,
}

impl<'a> Signer<'a> {
    pub(super) fn new(bundle: &'a Bundle, asked: Asked<'_>, entries: &[ReadEntry]) -> Step<Self> {
        let (key, certificate) = match (&bundle.material.key, asked) {
            (KeyMaterial::PublicKeyHint(_), Asked::Key(key)) => (key.clone(), None),
            (KeyMaterial::PublicKeyHint(_), Asked::Anybody) => {
                return Err(failed(StepName::Bundle, Reason::PolicyNeedsKey));
            }
            (KeyMaterial::PublicKeyHint(hint), Asked::Identity(identity, _)) => {
                return Err(failed(StepName::Bundle, Reason::PolicyNeedsKey)
                    .expected(format!("a certificate for {identity}"))
                    .found(format!("a key with the hint {:?}", excerpt(hint))));
            }
            (KeyMaterial::Certificate(_), Asked::Key(key)) => {
                return Err(failed(StepName::Bundle, Reason::PolicyNeedsCertificate)
                    .expected(format!("the key {}", hex::encode(key.key_id())))
                    .found("a certificate"));
            }
            (KeyMaterial::Certificate(chain), Asked::Identity(..) | Asked::Anybody) => {
                let leaf = chain
                    .first()
                    .ok_or_else(|| failed(StepName::Bundle, BundleError::EmptyChain))?;
                let key = leaf
                    .public_key()
                    .map_err(|error| failed(StepName::Bundle, Reason::SignerKey(error)))?;
                (key, Some(leaf))
            }
        };
        let entry = entries.first().map(|entry| &entry.logged);
        let schemes = schemes(key.kind(), entry, &bundle.content);
        if schemes.is_empty() {
            return Err(failed(StepName::Signature, Reason::Scheme).found(key.kind()));
        }
        Ok(Self {
            key,
            certificate,
            schemes,
        })
    }

    /// Returns the digest that a message signature is over; `None` for the message itself.
    pub(super) fn hash(&self) -> Option<HashAlgorithm> {
        self.schemes.first().and_then(|scheme| scheme.hash())
    }
}

impl Bundle {
    /// Returns the key that the first log entry is about, if it can be read: a claim that proves nothing yet.
    pub fn logged_key(&self) -> Option<PublicKey> {
        let entry = self.material.tlog_entries.first()?;
        let (logged, _) = LoggedEntry::parse(&entry.kind, &entry.version, &entry.body).ok()?;
        logged.signatures.first()?.key.public_key().ok()
    }
}

/// Returns the digests by which the artifact of a message signature may be known.
pub(crate) fn likely_hashes(bundle: &Bundle, claimed: Option<&Digest>) -> Vec<HashAlgorithm> {
    let entry = bundle.material.tlog_entries.first().and_then(|entry| {
        LoggedEntry::parse(&entry.kind, &entry.version, &entry.body)
            .ok()
            .map(|(logged, _)| logged)
    });
    let kind = match (bundle.certificate(), &entry) {
        (Some(leaf), _) => leaf.public_key().ok().map(|key| key.kind()),
        (None, Some(entry)) => entry
            .signatures
            .first()
            .and_then(|signature| signature.key.public_key().ok())
            .map(|key| key.kind()),
        (None, None) => None,
    };
    match (kind, claimed) {
        (Some(kind), _) => schemes(kind, entry.as_ref(), &bundle.content)
            .first()
            .and_then(|scheme| scheme.hash())
            .into_iter()
            .collect(),
        (None, Some(claimed)) => vec![claimed.algorithm()],
        (None, None) => HashAlgorithm::ALL.to_vec(),
    }
}

/// The log entry says how the key signed, by its key details or by the digest it was logged with.
/// Where there is none the claimed digest's algorithm says it, and else the key's usual way.
fn schemes(kind: KeyKind, entry: Option<&LoggedEntry>, content: &Content) -> Vec<Scheme> {
    let details = entry
        .and_then(|entry| entry.signatures.first())
        .and_then(|signature| signature.details);
    if let Some(details) = details {
        return if details.admits(kind) {
            vec![details.scheme()]
        } else {
            Vec::new()
        };
    }
    let logged = match entry.map(|entry| entry.digest) {
        Some(LoggedDigest::Signed(digest)) => Some(digest.algorithm()),
        _ => None,
    };
    let claimed = match content {
        Content::MessageSignature { digest, .. } => digest.map(|digest| digest.algorithm()),
        Content::Dsse(_) => None,
    };
    match (kind, logged, claimed) {
        // Rekor v1 takes Ed25519 in this kind of entry only when prehashed.
        (KeyKind::Ed25519, Some(HashAlgorithm::Sha512), _) => vec![Scheme::Ed25519ph],
        (KeyKind::Ed25519, Some(_), _) => Vec::new(),
        (KeyKind::Ed25519, None, _) => vec![Scheme::Ed25519],
        (_, Some(hash), _) | (_, None, Some(hash)) => with_hash(kind, hash).into_iter().collect(),
        // Envelopes in Rekor v1: some clients sign with SHA-256 whatever the curve.
        (KeyKind::P384, None, None) => vec![Scheme::EcdsaP384Sha384, Scheme::EcdsaP384Sha256],
        (KeyKind::P521, None, None) => vec![Scheme::EcdsaP521Sha512, Scheme::EcdsaP521Sha256],
        (_, None, None) => vec![kind.default_scheme()],
    }
}

/// RSA signs with any hash; a curve only in the pairs that Sigstore's algorithm registry has.
fn with_hash(kind: KeyKind, hash: HashAlgorithm) -> Option<Scheme> {
    if kind.is_rsa() {
        return Some(Scheme::rsa_pkcs1(hash));
    }
    let scheme = Scheme::ecdsa(kind, hash)?;
    let deprecated = matches!(scheme, Scheme::EcdsaP384Sha256 | Scheme::EcdsaP521Sha256);
    (deprecated || scheme == kind.default_scheme()).then_some(scheme)
}
