//! Certificates that anybody hands in (RFC 6962 section 4.1), checked to a root that the log takes.

use der::asn1::ObjectIdentifier;
use serde::Deserialize;
use signhere_log::static_ct::LogEntry;
use signhere_pki::cert::{Certificate, CertificateError};
use signhere_pki::chain::{Chain, ChainError, MAX_CHAIN_LEN};
use signhere_pki::digest::sha256;
use signhere_pki::sct::{self, LIST_EXTENSION, POISON_EXTENSION};
use thiserror::Error;

use crate::http::problem::Problem;
use crate::proto::Bytes;

/// The purpose of a certificate that signs precertificates in its issuer's stead (RFC 6962 section 3.1).
const PRECERTIFICATE_SIGNING: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.4");
/// NULL, in DER: all that a poison says.
const NULL: &[u8] = &[5, 0];

/// The body of add-chain and add-pre-chain.
#[derive(Deserialize)]
pub(super) struct Handed {
    /// The certificate first, each one's issuer after it; the root may be left out.
    chain: Vec<Bytes>,
}

/// What is handed in: to be logged as the one or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Certificate,
    Precertificate,
}

/// A certificate that belongs in the log.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) entry: LogEntry,
    /// Those above it, the issuer first and the root last.
    pub(super) authorities: Vec<Certificate>,
}

/// Why a certificate is not logged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(super) enum ChainRefusal {
    #[error("the chain is empty")]
    Empty,
    #[error("the chain has {found} certificates, {limit} are taken")]
    TooLong { limit: usize, found: usize },
    #[error("certificate {position} of the chain: {error}")]
    Certificate {
        position: usize,
        error: CertificateError,
    },
    #[error("the chain does not end in a root that this log takes, see get-roots")]
    UnknownRoot,
    #[error("there is no issuer above the certificate")]
    NoIssuer,
    #[error("the chain does not hold: {0}")]
    Chain(#[from] ChainError),
    #[error("the second certificate has not issued the first")]
    OtherIssuer,
    #[error("a precertificate is added by add-pre-chain")]
    Poisoned,
    #[error("a precertificate has the critical poison extension {POISON_EXTENSION} with a NULL")]
    NotPoisoned,
    #[error("a precertificate has no signed certificate timestamps yet")]
    HasTimestamps,
    #[error("a precertificate signing certificate is not taken: the issuer itself has to sign")]
    SigningCertificate,
}

impl From<ChainRefusal> for Problem {
    fn from(refusal: ChainRefusal) -> Self {
        Self::invalid(refusal)
    }
}

impl Handed {
    /// The certificate and those above it, if it belongs into a log that takes `roots`.
    ///
    /// Whether it is valid at the moment does not matter: the log is to show what was ever issued.
    pub(super) fn check(
        &self,
        kind: Kind,
        roots: &[Certificate],
    ) -> Result<Accepted, ChainRefusal> {
        if self.chain.len() > MAX_CHAIN_LEN {
            return Err(ChainRefusal::TooLong {
                limit: MAX_CHAIN_LEN,
                found: self.chain.len(),
            });
        }
        let read = |(position, der): (usize, &Bytes)| {
            Certificate::from_der(&der.0)
                .map_err(|error| ChainRefusal::Certificate { position, error })
        };
        let mut authorities = self
            .chain
            .iter()
            .enumerate()
            .map(read)
            .collect::<Result<Vec<_>, _>>()?;
        if authorities.is_empty() {
            return Err(ChainRefusal::Empty);
        }
        let certificate = authorities.remove(0);
        end_in_root(&certificate, &mut authorities, roots)?;

        let chain = Chain::new(&authorities)?;
        let issuer = authorities.first().ok_or(ChainRefusal::NoIssuer)?;
        if chain.listed_leaf().is_some() || !is_issued_by(&certificate, issuer) {
            return Err(ChainRefusal::OtherIssuer);
        }
        let entry = entry(&certificate, issuer, kind)?;
        Ok(Accepted { entry, authorities })
    }
}

/// Puts the root at the end that was left out, or finds that it is there.
fn end_in_root(
    certificate: &Certificate,
    authorities: &mut Vec<Certificate>,
    roots: &[Certificate],
) -> Result<(), ChainRefusal> {
    let last = authorities.last().unwrap_or(certificate);
    if roots.contains(last) {
        return match authorities.is_empty() {
            true => Err(ChainRefusal::NoIssuer),
            false => Ok(()),
        };
    }
    let root = roots.iter().find(|root| is_issued_by(last, root));
    authorities.push(root.ok_or(ChainRefusal::UnknownRoot)?.clone());
    Ok(())
}

fn is_issued_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    certificate.issuer_name_der() == issuer.subject_name_der()
        && issuer
            .public_key()
            .is_ok_and(|key| certificate.verify_signature(&key).is_ok())
}

fn entry(
    certificate: &Certificate,
    issuer: &Certificate,
    kind: Kind,
) -> Result<LogEntry, ChainRefusal> {
    let poison = certificate
        .extensions()
        .find(|(id, ..)| *id == POISON_EXTENSION);
    match (kind, poison) {
        (Kind::Certificate, None) => Ok(LogEntry::Certificate(certificate.der().to_vec())),
        (Kind::Certificate, Some(_)) => Err(ChainRefusal::Poisoned),
        (Kind::Precertificate, Some((_, true, NULL))) => {
            if certificate.extension(&LIST_EXTENSION).is_some() {
                return Err(ChainRefusal::HasTimestamps);
            }
            let purposes = issuer.extended_key_usages().unwrap_or_default();
            if purposes.contains(&PRECERTIFICATE_SIGNING) {
                return Err(ChainRefusal::SigningCertificate);
            }
            Ok(LogEntry::Precertificate {
                issuer_key_hash: sha256(issuer.spki_der()),
                tbs_certificate: sct::precert_tbs(certificate)
                    .map_err(|_| ChainRefusal::NotPoisoned)?,
                pre_certificate: certificate.der().to_vec(),
            })
        }
        (Kind::Precertificate, _) => Err(ChainRefusal::NotPoisoned),
    }
}
