//! What a trust file says.

use std::collections::BTreeMap;

use signhere_pki::key::PublicKey;
use signhere_pki::time::Time;

use super::git::GitPolicy;
use super::{FilePattern, Identity, IdentityKind, Issuer};

/// The largest trust file that is read, in bytes.
pub const MAX_TRUST_FILE_BYTES: usize = 256 << 10;
/// The most signers in a file.
pub const MAX_SIGNERS: usize = 1024;

/// The instances whose certificates count for a signer that names none: both check who asks as Sigstore's
/// public CA does. An instance that somebody runs may certify anybody as anybody.
const INSTANCES: [&str; 2] = ["public", "github"];

/// A trust file.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TrustFile {
    /// How it is called where it is shown: its path.
    pub label: String,
    /// The folder that patterns with a `/` begin in, with `/` between segments; `None` where there is no such
    /// folder: then they match nothing.
    pub base: Option<String>,
    /// Who may sign, in the order of the file.
    pub signers: Vec<Signer>,
    /// Instances that others than this machine should know: where they are and how to know them.
    pub instances: BTreeMap<String, Instance>,
    /// Who may commit where; `None` where the file says nothing of it.
    pub git: Option<GitPolicy>,
}

/// An instance, as a trust file tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// Where it is.
    pub url: String,
    /// The SHA-256 of its first TUF root, in hexadecimal.
    pub fingerprint: String,
}

/// Somebody who may sign.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Signer {
    /// The signer's name in the file.
    pub name: String,
    /// Who it is.
    pub who: Who,
    /// The files that may be signed; `None` where the file says nothing of them.
    pub files: Option<Vec<FilePattern>>,
    /// The predicate types that may be attested; `None` where the file says nothing of them.
    pub attestations: Option<Vec<String>>,
    /// The instances whose word counts; `None`: the public ones.
    pub instances: Option<Vec<String>>,
    /// When signatures count.
    pub lifetime: Lifetime,
    /// The addresses that this signer commits with, beside the one of its identity.
    pub committers: Vec<String>,
}

/// Who a signer is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Who {
    /// Somebody with a certificate.
    Identity {
        /// The name in the certificate.
        identity: Identity,
        /// Who vouches for it.
        issuer: Issuer,
        /// The repository that was built, as the certificate says (Fulcio's extension 12). It tells apart who
        /// calls a workflow that many may call.
        repository: Option<String>,
        /// The repository's number (extension 15), which no other repository gets, whatever it is called.
        repository_id: Option<String>,
    },
    /// The holder of a key.
    Key(PublicKey),
}

/// When a signer's signatures count, by the proven time of signing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifetime {
    /// The first second.
    pub from: Option<Time>,
    /// The last second.
    pub until: Option<Time>,
    /// From this second on nothing counts, whatever else lists the signer.
    pub revoked: Option<Time>,
}

impl TrustFile {
    /// A file with these signers.
    pub fn new(label: impl Into<String>, base: Option<String>, signers: Vec<Signer>) -> Self {
        Self {
            label: label.into(),
            base,
            signers,
            instances: BTreeMap::new(),
            git: None,
        }
    }
}

impl Signer {
    /// A signer who may sign anything at any time.
    pub fn new(name: impl Into<String>, who: Who) -> Self {
        Self {
            name: name.into(),
            who,
            files: None,
            attestations: None,
            instances: None,
            lifetime: Lifetime::default(),
            committers: Vec::new(),
        }
    }

    /// The addresses that this signer commits with.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let own = match &self.who {
            Who::Identity { identity, .. } if identity.kind() == IdentityKind::Email => {
                Some(identity.as_str())
            }
            _ => None,
        };
        own.into_iter()
            .chain(self.committers.iter().map(String::as_str))
    }

    /// Whether an instance's word counts for this signer.
    pub fn is_on(&self, instance: &str) -> bool {
        match &self.instances {
            Some(instances) => instances.iter().any(|name| name == instance),
            None => INSTANCES.contains(&instance),
        }
    }

    /// The instances whose word counts.
    pub fn instances(&self) -> Vec<&str> {
        match &self.instances {
            Some(instances) => instances.iter().map(String::as_str).collect(),
            None => INSTANCES.to_vec(),
        }
    }

    /// Whether it says what may be signed.
    pub fn is_limited(&self) -> bool {
        self.files.is_some() || self.attestations.is_some()
    }
}

impl Lifetime {
    /// Whether no time limits it.
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a signer can be called so.
pub(super) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// Whether an instance can be called so: often by its host.
pub(super) fn is_instance_name(text: &str) -> bool {
    is_name(&text.replace('.', "-"))
}
