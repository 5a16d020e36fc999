//! Fulcio's leaves: a precertificate for the log, then the certificate with the log's timestamp.

use std::fmt;

use der::{
    Any, Encode,
    asn1::{Ia5String, Null, ObjectIdentifier, Utf8StringRef},
};
use x509_cert::ext::pkix::{
    KeyUsages,
    name::{GeneralName, OtherName},
};

use super::{
    BuildError, CertificateAuthority,
    tbs::{self, Parts},
};
use crate::{
    asn1,
    cert::{Certificate, San},
    digest::sha256,
    key::PublicKey,
    oid,
    random::Random,
    sct::{self, Sct, SctList},
    time::Validity,
};

/// What a code signing certificate is asked for.
pub struct LeafRequest<'a> {
    /// The subject's key.
    pub public_key: &'a PublicKey,
    /// The subject's only name.
    pub san: San,
    /// Extensions, none critical: see [`crate::fulcio::extension`].
    pub extensions: Vec<(ObjectIdentifier, Vec<u8>)>,
    /// When the certificate is valid; within the issuer's validity.
    pub validity: Validity,
}

/// A certificate before its log has seen it (RFC 6962 section 3.1).
#[derive(Clone, Debug)]
pub struct Precertificate {
    certificate: Certificate,
    tbs: Vec<u8>,
    issuer_key_hash: [u8; 32],
}

impl Precertificate {
    /// Returns the certificate with the poison extension, signed by the CA.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns what the log signs for: the TBSCertificate without the poison.
    pub fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    /// Returns the SHA-256 over the issuer's SubjectPublicKeyInfo.
    pub fn issuer_key_hash(&self) -> &[u8; 32] {
        &self.issuer_key_hash
    }
}

impl CertificateAuthority {
    /// Returns a certificate by Fulcio's profile: empty subject, one critical name, for code signing,
    /// with the timestamp that `log` gives for its precertificate.
    ///
    /// # Errors
    /// [`IssueError::Log`] with what `log` says, [`IssueError::Build`] when the request cannot be met.
    pub fn issue<E>(
        &self,
        request: &LeafRequest<'_>,
        random: &dyn Random,
        log: impl FnOnce(&Precertificate) -> Result<Sct, E>,
    ) -> Result<Certificate, IssueError<E>> {
        let precertificate = self.precertify(request, random)?;
        let timestamp = log(&precertificate).map_err(IssueError::Log)?;
        Ok(self.complete(&precertificate, &[timestamp])?)
    }

    /// Returns the first half of [`Self::issue`]: what a log has to see before there is a certificate.
    ///
    /// # Errors
    /// [`BuildError`] when the request cannot be met.
    pub fn precertify(
        &self,
        request: &LeafRequest<'_>,
        random: &dyn Random,
    ) -> Result<Precertificate, BuildError> {
        self.check_validity(request.validity)?;
        let mut extensions = vec![
            tbs::key_usage(&[KeyUsages::DigitalSignature])?,
            tbs::purpose(oid::KP_CODE_SIGNING, false)?,
            tbs::subject_key_id(request.public_key)?,
            tbs::authority_key_id(self.certificate(), self.signer().public_key())?,
            // Critical, because the subject is empty (RFC 5280 section 4.2.1.6).
            tbs::extension(oid::SUBJECT_ALT_NAME, true, encode_san(&request.san)?)?,
        ];
        for (id, value) in &request.extensions {
            extensions.push(tbs::extension(*id, false, value.clone())?);
        }
        extensions.push(tbs::extension(oid::CT_POISON, true, Null.to_der()?)?);
        let parts = Parts {
            serial: tbs::random_serial(random)?,
            issuer: self.certificate().subject_name_der(),
            validity: request.validity,
            subject: &asn1::sequence(&[])?,
            key: request.public_key,
        };
        let certificate = parts.sign(&extensions, self.signer())?;
        Ok(Precertificate {
            tbs: sct::precert_tbs(&certificate)?,
            certificate,
            issuer_key_hash: sha256(self.certificate().spki_der()),
        })
    }

    /// Returns the second half of [`Self::issue`]: the certificate with the timestamps that logs gave for its
    /// precertificate. Every other byte of what is signed stays as the logs have seen it.
    ///
    /// # Errors
    /// [`BuildError::OtherKey`] when another CA made the precertificate, others when the timestamps do not fit.
    pub fn complete(
        &self,
        precertificate: &Precertificate,
        timestamps: &[Sct],
    ) -> Result<Certificate, BuildError> {
        let poisoned = &precertificate.certificate;
        if poisoned.issuer_name_der() != self.certificate().subject_name_der()
            || precertificate.issuer_key_hash != sha256(self.certificate().spki_der())
        {
            return Err(BuildError::OtherKey);
        }
        let list = SctList::to_list_extension(timestamps)?;
        let list = tbs::extension(oid::SCT_LIST, false, list)?.to_der()?;
        tbs::sign(&sct::tbs_with(poisoned, Some(&list))?, self.signer())
    }
}

/// Why no certificate was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueError<E> {
    /// The certificate cannot be made.
    Build(BuildError),
    /// The log gave no timestamp.
    Log(E),
}

impl<E> From<BuildError> for IssueError<E> {
    fn from(error: BuildError) -> Self {
        Self::Build(error)
    }
}

impl<E: fmt::Display> fmt::Display for IssueError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Log(error) => write!(f, "certificate transparency log: {error}"),
        }
    }
}

impl<E: std::error::Error> std::error::Error for IssueError<E> {}

fn encode_san(san: &San) -> Result<Vec<u8>, BuildError> {
    if san.as_str().is_empty() {
        return Err(BuildError::EmptyName);
    }
    if san.as_str().chars().any(char::is_control) {
        return Err(BuildError::ControlCharacter {
            found: san.as_str().to_owned(),
        });
    }
    let name = match san {
        San::Email(value) => GeneralName::Rfc822Name(Ia5String::new(value)?),
        San::Uri(value) => GeneralName::UniformResourceIdentifier(Ia5String::new(value)?),
        San::Dns(value) => GeneralName::DnsName(Ia5String::new(value)?),
        San::OtherName { oid, value } => GeneralName::OtherName(OtherName {
            type_id: *oid,
            value: Any::encode_from(&Utf8StringRef::new(value)?)?,
        }),
    };
    Ok(vec![name].to_der()?)
}
