//! The kinds of bundles there are.

use std::fmt;

use signhere_pki::key::{KeyKind, Scheme};

use super::Under;

/// A kind of bundle: everything about it that a verifier has to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The media type.
    pub media_type: MediaType,
    /// What is signed.
    pub content: Content,
    /// How it is logged.
    pub entry: Entry,
    /// The signer's key.
    pub key: KeyKind,
    /// How it signs.
    pub scheme: Scheme,
    /// Who knows the key.
    pub keying: Keying,
    /// What proves log and time.
    pub evidence: Evidence,
}

/// The media types of bundles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `…bundle+json;version=0.1`
    V0_1,
    /// `…bundle+json;version=0.2`
    V0_2,
    /// `…bundle+json;version=0.3`
    V0_3Parameter,
    /// `…bundle.v0.3+json`
    V0_3,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// An artifact.
    Message,
    /// An in-toto statement in a DSSE envelope.
    Dsse,
}

/// Kinds and versions of log entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// No entry: for trusted roots without a log.
    None,
    /// `hashedrekord` 0.0.1
    HashedRekordV001,
    /// `hashedrekord` 0.0.2
    HashedRekordV002,
    /// `dsse` 0.0.1
    DsseV001,
    /// `dsse` 0.0.2
    DsseV002,
    /// `intoto` 0.0.1
    IntotoV001,
    /// `intoto` 0.0.2
    IntotoV002,
}

/// Who knows the signer's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keying {
    /// A certificate in the bundle, issued by this authority.
    Certificate(Under),
    /// The verifier.
    ManagedKey,
}

/// What proves that a signature was logged, and when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// A signed promise of the log (first generation only).
    pub promise: bool,
    /// An inclusion proof under a checkpoint.
    pub proof: bool,
    /// How many RFC 3161 timestamps.
    pub timestamps: usize,
    /// Whether they embed the authority's certificate.
    pub embeds_certificate: bool,
}

const KEYS: [(KeyKind, Scheme); 11] = [
    (KeyKind::P256, Scheme::EcdsaP256Sha256),
    (KeyKind::P384, Scheme::EcdsaP384Sha384),
    (KeyKind::P521, Scheme::EcdsaP521Sha512),
    (KeyKind::Rsa2048, Scheme::RsaPkcs1Sha256),
    (KeyKind::Rsa3072, Scheme::RsaPkcs1Sha256),
    (KeyKind::Rsa4096, Scheme::RsaPkcs1Sha256),
    (KeyKind::Rsa2048, Scheme::RsaPssSha256),
    (KeyKind::Rsa3072, Scheme::RsaPssSha256),
    (KeyKind::Rsa4096, Scheme::RsaPssSha256),
    (KeyKind::Ed25519, Scheme::Ed25519),
    (KeyKind::Ed25519, Scheme::Ed25519ph),
];

impl Kind {
    /// The plainest kind: an artifact signed with a certificate, logged in Rekor v1, v0.3.
    pub const PLAIN: Self = Self {
        media_type: MediaType::V0_3,
        content: Content::Message,
        entry: Entry::HashedRekordV001,
        key: KeyKind::P256,
        scheme: Scheme::EcdsaP256Sha256,
        keying: Keying::Certificate(Under::Intermediate),
        evidence: Evidence {
            promise: true,
            proof: true,
            timestamps: 0,
            embeds_certificate: false,
        },
    };

    /// Every valid kind with the evidence that is usual for it.
    ///
    /// Entries meet every key that they can record, certificate and managed; the media types before the current one
    /// and leaves under the root meet every entry, each with P-256 and Ed25519.
    pub fn all() -> Vec<Self> {
        let mut kinds = Vec::new();
        for media_type in MediaType::ALL {
            for (content, entry) in Entry::OF_CONTENT {
                for (key, scheme) in KEYS {
                    for keying in [
                        Keying::Certificate(Under::Intermediate),
                        Keying::Certificate(Under::Root),
                        Keying::ManagedKey,
                    ] {
                        let evidence = Evidence::usual(entry, keying);
                        kinds.push(Self {
                            media_type,
                            content,
                            entry,
                            key,
                            scheme,
                            keying,
                            evidence,
                        });
                    }
                }
            }
        }
        kinds.retain(|kind| {
            let is_current = kind.media_type == MediaType::V0_3
                && kind.keying != Keying::Certificate(Under::Root);
            let is_common = matches!(kind.key, KeyKind::P256 | KeyKind::Ed25519);
            (is_current || is_common)
                && kind.entry.records(kind.scheme, kind.content)
                && kind.evidence_suffices()
        });
        kinds
    }

    /// The kinds of one key whose evidence is valid without being the usual one.
    pub fn unusual() -> Vec<Self> {
        let mut kinds = Vec::new();
        for plain in Self::all() {
            let is_one_of_each = plain.key == KeyKind::P256
                && plain.keying != Keying::Certificate(Under::Root)
                && plain.entry != Entry::None;
            if !is_one_of_each {
                continue;
            }
            for promise in [false, true] {
                for proof in [false, true] {
                    for timestamps in 0..3 {
                        for embeds_certificate in [false, true] {
                            let evidence = Evidence {
                                promise,
                                proof,
                                timestamps,
                                embeds_certificate,
                            };
                            kinds.push(Self { evidence, ..plain });
                        }
                    }
                }
            }
        }
        kinds.retain(|kind| kind.evidence_suffices() && kind.evidence != kind.usual_evidence());
        kinds
    }

    fn usual_evidence(&self) -> Evidence {
        Evidence::usual(self.entry, self.keying)
    }

    fn evidence_suffices(&self) -> bool {
        let evidence = self.evidence;
        let timed = evidence.promise || evidence.timestamps > 0;
        let logged = match self.media_type {
            _ if self.entry == Entry::None => true,
            MediaType::V0_1 => evidence.promise,
            _ => evidence.proof,
        };
        logged
            && (timed || self.keying == Keying::ManagedKey)
            && !(evidence.promise && self.entry.is_v2())
            && (evidence.timestamps > 0 || !evidence.embeds_certificate)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let evidence = self.evidence;
        write!(
            f,
            "{:?} {:?} {:?}, {} {:?} with {}",
            self.media_type,
            self.content,
            self.entry,
            self.key,
            self.scheme,
            match self.keying {
                Keying::ManagedKey => "managed key".to_owned(),
                Keying::Certificate(under) => format!("certificate under {under:?}"),
            }
        )?;
        let embedding = if evidence.embeds_certificate {
            " embedding"
        } else {
            ""
        };
        write!(
            f,
            "; promise {}, proof {}, {}{embedding} timestamps",
            evidence.promise, evidence.proof, evidence.timestamps
        )
    }
}

impl MediaType {
    /// Every media type.
    pub const ALL: [Self; 4] = [Self::V0_1, Self::V0_2, Self::V0_3Parameter, Self::V0_3];

    /// How it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V0_1 => "application/vnd.dev.sigstore.bundle+json;version=0.1",
            Self::V0_2 => "application/vnd.dev.sigstore.bundle+json;version=0.2",
            Self::V0_3Parameter => "application/vnd.dev.sigstore.bundle+json;version=0.3",
            Self::V0_3 => "application/vnd.dev.sigstore.bundle.v0.3+json",
        }
    }

    /// Whether its bundles hold a chain of certificates instead of one.
    pub const fn holds_chain(self) -> bool {
        matches!(self, Self::V0_1 | Self::V0_2)
    }
}

impl Entry {
    /// Which entries stand for which content.
    const OF_CONTENT: [(Content, Self); 9] = [
        (Content::Message, Self::None),
        (Content::Message, Self::HashedRekordV001),
        (Content::Message, Self::HashedRekordV002),
        (Content::Dsse, Self::None),
        (Content::Dsse, Self::HashedRekordV002),
        (Content::Dsse, Self::DsseV001),
        (Content::Dsse, Self::DsseV002),
        (Content::Dsse, Self::IntotoV001),
        (Content::Dsse, Self::IntotoV002),
    ];

    /// The kind's name and version.
    pub const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::None => ("", ""),
            Self::HashedRekordV001 => ("hashedrekord", "0.0.1"),
            Self::HashedRekordV002 => ("hashedrekord", "0.0.2"),
            Self::DsseV001 => ("dsse", "0.0.1"),
            Self::DsseV002 => ("dsse", "0.0.2"),
            Self::IntotoV001 => ("intoto", "0.0.1"),
            Self::IntotoV002 => ("intoto", "0.0.2"),
        }
    }

    /// Whether it is of the second generation of logs.
    pub const fn is_v2(self) -> bool {
        matches!(self, Self::HashedRekordV002 | Self::DsseV002)
    }

    /// Whether such an entry can stand for a signature of that scheme.
    ///
    /// Only the second generation names the scheme, so only there may it be another than the key's usual one, except
    /// that a prehash is told from the digest's algorithm. A pure Ed25519 signature has no digest to log.
    fn records(self, scheme: Scheme, content: Content) -> bool {
        let is_pss = matches!(scheme, Scheme::RsaPssSha256);
        let is_pure = scheme == Scheme::Ed25519;
        let is_prehash = scheme == Scheme::Ed25519ph;
        match self {
            Self::None => !is_pss && !is_prehash && (content == Content::Dsse || is_pure),
            Self::HashedRekordV001 => !is_pss && !is_pure,
            Self::HashedRekordV002 => !is_pure,
            Self::DsseV002 => true,
            Self::DsseV001 | Self::IntotoV001 | Self::IntotoV002 => !is_pss && !is_prehash,
        }
    }
}

impl Evidence {
    fn usual(entry: Entry, keying: Keying) -> Self {
        let first = !entry.is_v2() && entry != Entry::None;
        let needs_time = !first && keying != Keying::ManagedKey;
        Self {
            promise: first,
            proof: entry != Entry::None,
            timestamps: usize::from(needs_time),
            embeds_certificate: needs_time,
        }
    }
}
