//! Paths from a certificate to a trusted root (RFC 5280 section 6, RFC 3161 section 2.3).
//!
//! A [`Chain`] is prepared once from what a trusted root lists: every link above the leaf is
//! checked then, so that a leaf costs one signature check. There is no path building, because a
//! trusted root leaves nothing to choose but where in the chain the leaf hangs. That is also why this is not webpki: with the issuing CA
//! as its trust anchor it would check neither the CA's validity nor RFC 3161's rule on the purpose,
//! and would parse the leaf again to say less about what is wrong with it.

use std::fmt;

use der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::KeyUsage;

use crate::{
    cert::{Certificate, CertificateError},
    key::{KeyError, PublicKey},
    oid,
    time::Time,
};

/// The most certificates that a chain may have.
pub const MAX_CHAIN_LEN: usize = 10;

/// The certificates above a leaf, each checked against the next.
#[derive(Clone, Debug)]
pub struct Chain {
    /// A time stamping certificate that the trusted root lists itself, checked against its issuer.
    leaf: Option<Keyed>,
    /// The issuing CA first, the root last.
    authorities: Vec<Keyed>,
}

impl Chain {
    /// Returns the chain made of `certificates`, the issuing CA first and the root last.
    ///
    /// A time stamping authority's list may begin with its leaf: then no other leaf is accepted. The
    /// list may consist of a root alone. The last certificate is trusted as it is, whoever signed it.
    ///
    /// # Errors
    /// [`ChainError`] with the first rule that a certificate or a link breaks.
    pub fn new(certificates: &[Certificate]) -> Result<Self, ChainError> {
        if certificates.len() > MAX_CHAIN_LEN {
            return Err(ChainError::TooLong {
                found: certificates.len(),
                max: MAX_CHAIN_LEN,
            });
        }
        let (leaf, certificates) = match certificates {
            [leaf, above @ ..] if !leaf.is_ca() && !above.is_empty() => (Some(leaf), above),
            all => (None, all),
        };
        let leaf = leaf.map(Keyed::new).transpose()?;
        let authorities = certificates
            .iter()
            .map(Keyed::new)
            .collect::<Result<Vec<_>, _>>()?;
        let first = authorities.first().ok_or(ChainError::Empty)?;

        let mut issuing = 0;
        for Keyed { certificate, .. } in &authorities {
            check_authority(certificate, issuing)?;
            // A self-issued CA certificate does not count (RFC 5280 section 6.1.4 (l)).
            issuing += usize::from(certificate.subject_name_der() != certificate.issuer_name_der());
        }
        for (subject, issuer) in authorities.iter().zip(authorities.iter().skip(1)) {
            check_link(&subject.certificate, issuer)?;
        }
        if let Some(leaf) = &leaf {
            check_link(&leaf.certificate, first)?;
        }
        Ok(Self { leaf, authorities })
    }

    /// Returns the leaf that the trusted root lists itself, if it does.
    pub fn listed_leaf(&self) -> Option<&Certificate> {
        self.leaf.as_ref().map(|leaf| &leaf.certificate)
    }

    /// Returns all certificates: the listed leaf if any, the issuing CA, and so on to the root.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.leaf
            .iter()
            .chain(&self.authorities)
            .map(|keyed| &keyed.certificate)
    }

    /// Checks that `leaf` is for `purpose`, was issued under this chain, and that it and every
    /// certificate above it are valid at the time `at`. Returns the CA certificate that issued it.
    ///
    /// Any CA of the chain may be the issuer: Fulcio's root issued leaves before it had an
    /// intermediate. Costs one signature check, and none for the listed leaf.
    ///
    /// # Errors
    /// [`ChainError`] with the first rule that is broken; times are looked at last.
    pub fn verify_leaf(
        &self,
        leaf: &Certificate,
        at: Time,
        purpose: Purpose,
    ) -> Result<&Certificate, ChainError> {
        check_leaf(leaf, purpose)?;
        let path = self.path(leaf)?;
        for authority in path {
            check_nested_purpose(&authority.certificate, purpose)?;
        }
        let issuer = path.first().ok_or(ChainError::Empty)?;
        match &self.leaf {
            Some(listed) if listed.certificate == *leaf => {}
            Some(listed) => {
                return Err(ChainError::NotListed {
                    expected: label(&listed.certificate),
                    found: label(leaf),
                });
            }
            None => check_link(leaf, issuer)?,
        }
        self.verify_validity(leaf, at)?;
        Ok(&issuer.certificate)
    }

    /// Checks that `leaf` and every certificate above it are valid at the time `at`, and nothing else:
    /// for the further proven times of a leaf that was verified at one of them.
    ///
    /// # Errors
    /// [`ChainError::NotYetValid`] and [`ChainError::Expired`]; [`ChainError::IssuerMismatch`] when no
    /// CA of the chain has the issuer's name.
    pub fn verify_validity(&self, leaf: &Certificate, at: Time) -> Result<(), ChainError> {
        check_validity(leaf, at)?;
        self.path(leaf)?
            .iter()
            .try_for_each(|authority| check_validity(&authority.certificate, at))
    }

    /// Returns the CA certificate of the chain that has the name of the leaf's issuer; nothing is verified.
    pub fn issuer_of(&self, leaf: &Certificate) -> Option<&Certificate> {
        self.path(leaf)
            .ok()?
            .first()
            .map(|issuer| &issuer.certificate)
    }

    /// The key of `leaf`, which the listed leaf has at hand.
    pub(crate) fn leaf_key(&self, leaf: &Certificate) -> Result<PublicKey, KeyError> {
        match &self.leaf {
            Some(listed) if listed.certificate == *leaf => Ok(listed.key.clone()),
            _ => leaf.public_key(),
        }
    }

    /// The CA that `leaf` names as its issuer and those above it: never empty.
    fn path(&self, leaf: &Certificate) -> Result<&[Keyed], ChainError> {
        self.authorities
            .iter()
            .position(|authority| {
                authority.certificate.subject_name_der() == leaf.issuer_name_der()
            })
            .and_then(|position| self.authorities.get(position..))
            .ok_or_else(|| ChainError::IssuerMismatch {
                expected: self
                    .authorities
                    .first()
                    .map(|first| first.certificate.subject().to_owned())
                    .unwrap_or_default(),
                found: leaf.issuer(),
            })
    }
}

/// A certificate with its key, ready to verify.
#[derive(Clone, Debug)]
struct Keyed {
    certificate: Certificate,
    key: PublicKey,
}

impl Keyed {
    fn new(certificate: &Certificate) -> Result<Self, ChainError> {
        Ok(Self {
            certificate: certificate.clone(),
            key: certificate.public_key()?,
        })
    }
}

/// What a leaf is to be used for: its extended key usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// id-kp-codeSigning: Fulcio's leaves.
    CodeSigning,
    /// id-kp-timeStamping: time stamping authorities; critical and alone (RFC 3161 section 2.3).
    TimeStamping,
}

impl Purpose {
    pub(crate) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::CodeSigning => oid::KP_CODE_SIGNING,
            Self::TimeStamping => oid::KP_TIME_STAMPING,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CodeSigning => "code signing",
            Self::TimeStamping => "time stamping",
        })
    }
}

/// Which rule a certificate or a link of the chain breaks. Certificates are named by their subject,
/// or by their alternative name or serial number where the subject is empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No CA certificate at all.
    #[error("no CA certificate in the chain")]
    Empty,
    /// More certificates than [`MAX_CHAIN_LEN`].
    #[error("chain of {found} certificates, at most {max} are accepted")]
    TooLong {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// A certificate stands where a CA must, and is none.
    #[error("{subject:?} is not a CA")]
    NotCa {
        /// The certificate.
        subject: String,
    },
    /// The leaf is a CA.
    #[error("{subject:?} is a CA, not a leaf")]
    LeafIsCa {
        /// The certificate.
        subject: String,
    },
    /// The key usage extension does not allow what the certificate's key did.
    #[error("{subject:?} has a key usage without {expected}")]
    KeyUsage {
        /// The certificate.
        subject: String,
        /// The missing bit, as RFC 5280 calls it.
        expected: &'static str,
    },
    /// More CAs below than the path length constraint allows.
    #[error("{subject:?} allows {max} CAs below it, there are {found}")]
    PathLength {
        /// The certificate.
        subject: String,
        /// What it allows.
        max: u8,
        /// What there is.
        found: usize,
    },
    /// A critical extension that is not understood.
    #[error("{subject:?} has the unknown critical extension {oid}")]
    UnknownCriticalExtension {
        /// The certificate.
        subject: String,
        /// The extension.
        oid: ObjectIdentifier,
    },
    /// Name constraints, which are not supported.
    #[error("{subject:?} has name constraints, which are not supported")]
    NameConstraints {
        /// The certificate.
        subject: String,
    },
    /// The extended key usage does not have the purpose.
    #[error("{subject:?} is not for {expected}")]
    MissingEku {
        /// The certificate.
        subject: String,
        /// The purpose it should have.
        expected: Purpose,
        /// The purposes it has.
        found: Vec<ObjectIdentifier>,
    },
    /// A time stamping certificate whose purpose is not critical, or not alone.
    #[error("{subject:?} does not have time stamping as its only and critical purpose")]
    EkuNotExclusive {
        /// The certificate.
        subject: String,
    },
    /// The issuer's name is not that of the certificate above.
    #[error("issuer is {found:?}, the chain's is {expected:?}")]
    IssuerMismatch {
        /// The subject of the certificate above.
        expected: String,
        /// The issuer that the certificate names.
        found: String,
    },
    /// The trusted root lists another leaf.
    #[error("{found:?} is not the listed certificate {expected:?}")]
    NotListed {
        /// The listed leaf.
        expected: String,
        /// The leaf at hand.
        found: String,
    },
    /// The signature on a certificate does not verify with the key above.
    #[error("the signature on {subject:?} does not verify")]
    SignatureInvalid {
        /// The certificate.
        subject: String,
    },
    /// The signature algorithm is unknown, weak, or does not fit the key above.
    #[error("{subject:?} is signed with {found}, which is not supported with the issuer's key")]
    SignatureAlgorithm {
        /// The certificate.
        subject: String,
        /// The algorithm.
        found: ObjectIdentifier,
    },
    /// A CA's public key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate was not valid yet.
    #[error("{subject:?} is valid from {not_before}, not at {at}")]
    NotYetValid {
        /// The certificate.
        subject: String,
        /// Its first valid second.
        not_before: Time,
        /// The time asked for.
        at: Time,
    },
    /// A certificate was not valid any more.
    #[error("{subject:?} is valid until {not_after}, not at {at}")]
    Expired {
        /// The certificate.
        subject: String,
        /// Its last valid second.
        not_after: Time,
        /// The time asked for.
        at: Time,
    },
}

/// The rules for CA certificates; `below` is how many CAs that count are under this one.
fn check_authority(certificate: &Certificate, below: usize) -> Result<(), ChainError> {
    let subject = || label(certificate);
    check_extensions(certificate)?;
    if !certificate.is_ca() {
        return Err(ChainError::NotCa { subject: subject() });
    }
    // RFC 5280 section 6.1.4 (n): a constraint only where the extension is present.
    if certificate
        .key_usage()
        .is_some_and(|usage| !usage.key_cert_sign())
    {
        return Err(ChainError::KeyUsage {
            subject: subject(),
            expected: "keyCertSign",
        });
    }
    match certificate.path_length() {
        Some(max) if below > usize::from(max) => Err(ChainError::PathLength {
            subject: subject(),
            max,
            found: below,
        }),
        _ => Ok(()),
    }
}

fn check_leaf(leaf: &Certificate, purpose: Purpose) -> Result<(), ChainError> {
    let subject = || label(leaf);
    if leaf.is_ca() {
        return Err(ChainError::LeafIsCa { subject: subject() });
    }
    check_extensions(leaf)?;
    // RFC 3161 section 2.3 lets an authority's key be for non-repudiation alone.
    let signs = |usage: KeyUsage| {
        usage.digital_signature() || (purpose == Purpose::TimeStamping && usage.non_repudiation())
    };
    if leaf.key_usage().is_some_and(|usage| !signs(usage)) {
        return Err(ChainError::KeyUsage {
            subject: subject(),
            expected: "digitalSignature",
        });
    }
    let purposes = leaf.extended_key_usages().unwrap_or_default();
    if !purposes.contains(&purpose.oid()) {
        return Err(ChainError::MissingEku {
            subject: subject(),
            expected: purpose,
            found: purposes.to_vec(),
        });
    }
    let critical = leaf
        .find(&oid::EXT_KEY_USAGE)
        .is_some_and(|extension| extension.critical);
    if purpose == Purpose::TimeStamping && (purposes.len() != 1 || !critical) {
        return Err(ChainError::EkuNotExclusive { subject: subject() });
    }
    Ok(())
}

/// A CA that names purposes limits what is under it to them.
fn check_nested_purpose(authority: &Certificate, purpose: Purpose) -> Result<(), ChainError> {
    match authority.extended_key_usages() {
        Some(purposes)
            if !purposes.contains(&purpose.oid())
                && !purposes.contains(&oid::ANY_EXT_KEY_USAGE) =>
        {
            Err(ChainError::MissingEku {
                subject: label(authority),
                expected: purpose,
                found: purposes.to_vec(),
            })
        }
        _ => Ok(()),
    }
}

fn check_extensions(certificate: &Certificate) -> Result<(), ChainError> {
    for (id, critical, _) in certificate.extensions() {
        match id {
            oid::NAME_CONSTRAINTS => {
                return Err(ChainError::NameConstraints {
                    subject: label(certificate),
                });
            }
            oid::BASIC_CONSTRAINTS
            | oid::KEY_USAGE
            | oid::EXT_KEY_USAGE
            | oid::SUBJECT_ALT_NAME
            | oid::SUBJECT_KEY_IDENTIFIER
            | oid::AUTHORITY_KEY_IDENTIFIER => {}
            _ if critical => {
                return Err(ChainError::UnknownCriticalExtension {
                    subject: label(certificate),
                    oid: id,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_link(subject: &Certificate, issuer: &Keyed) -> Result<(), ChainError> {
    if subject.issuer_name_der() != issuer.certificate.subject_name_der() {
        return Err(ChainError::IssuerMismatch {
            expected: issuer.certificate.subject().to_owned(),
            found: subject.issuer(),
        });
    }
    subject
        .verify_signature(&issuer.key)
        .map_err(|error| match error {
            CertificateError::SignatureAlgorithm { found } => ChainError::SignatureAlgorithm {
                subject: label(subject),
                found,
            },
            _ => ChainError::SignatureInvalid {
                subject: label(subject),
            },
        })
}

fn check_validity(certificate: &Certificate, at: Time) -> Result<(), ChainError> {
    if at < certificate.not_before() {
        return Err(ChainError::NotYetValid {
            subject: label(certificate),
            not_before: certificate.not_before(),
            at,
        });
    }
    if at > certificate.not_after() {
        return Err(ChainError::Expired {
            subject: label(certificate),
            not_after: certificate.not_after(),
            at,
        });
    }
    Ok(())
}

/// What to call a certificate: Fulcio's leaves have an empty subject.
fn label(certificate: &Certificate) -> String {
    let subject = certificate.subject();
    if !subject.is_empty() {
        return subject.to_owned();
    }
    certificate
        .san()
        .map_or_else(|| certificate.serial_hex(), |name| name.to_string())
}
