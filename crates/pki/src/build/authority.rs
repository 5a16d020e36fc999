//! Certificate authorities: roots, intermediates, and what they issue to time stamping authorities.

use der::{Encode, Tag, asn1::Utf8StringRef};
use x509_cert::ext::{Extension, pkix::KeyUsages};

use super::{
    BuildError,
    tbs::{self, Parts},
};
use crate::{
    asn1,
    cert::Certificate,
    key::{PublicKey, Signer},
    oid,
    random::Random,
    time::Validity,
};

/// The distinguished name of an authority.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// organizationName.
    pub organization: &'a str,
    /// commonName.
    pub common_name: &'a str,
}

/// A CA's certificate, and the key that signs in its name.
pub struct CertificateAuthority {
    certificate: Certificate,
    signer: Box<dyn Signer>,
}

impl CertificateAuthority {
    /// Returns the authority with this certificate and key.
    ///
    /// # Errors
    /// [`BuildError::NotCa`] and [`BuildError::OtherKey`].
    pub fn new(certificate: Certificate, signer: Box<dyn Signer>) -> Result<Self, BuildError> {
        if !certificate.is_ca() {
            return Err(BuildError::NotCa {
                subject: certificate.subject().to_owned(),
            });
        }
        if certificate.spki_der() != signer.public_key().spki_der() {
            return Err(BuildError::OtherKey);
        }
        Ok(Self {
            certificate,
            signer,
        })
    }

    /// Returns a new root: a CA for any purpose, signed by itself.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn create_root(
        subject: Subject<'_>,
        signer: Box<dyn Signer>,
        validity: Validity,
        random: &dyn Random,
    ) -> Result<Self, BuildError> {
        let name = subject.to_der()?;
        let key = signer.public_key();
        let extensions = [
            tbs::key_usage(&CA_USAGES)?,
            tbs::ca_constraints(None)?,
            tbs::subject_key_id(key)?,
        ];
        let parts = Parts {
            serial: tbs::random_serial(random)?,
            issuer: &name,
            validity,
            subject: &name,
            key,
        };
        let certificate = parts.sign(&extensions, signer.as_ref())?;
        Self::new(certificate, signer)
    }

    /// Returns a new intermediate under this root: for code signing, with no CA below it.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn create_intermediate(
        &self,
        subject: Subject<'_>,
        signer: Box<dyn Signer>,
        validity: Validity,
        random: &dyn Random,
    ) -> Result<Self, BuildError> {
        let extensions = [
            tbs::key_usage(&CA_USAGES)?,
            tbs::purpose(oid::KP_CODE_SIGNING, false)?,
            tbs::ca_constraints(Some(0))?,
        ];
        let name = subject.to_der()?;
        let certificate = self.issue_as(
            &name,
            signer.public_key(),
            validity,
            extensions.to_vec(),
            random,
        )?;
        Self::new(certificate, signer)
    }

    /// Returns a certificate for a time stamping authority: that purpose, critical and alone
    /// (RFC 3161 section 2.3).
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn issue_tsa(
        &self,
        subject: Subject<'_>,
        key: &PublicKey,
        validity: Validity,
        random: &dyn Random,
    ) -> Result<Certificate, BuildError> {
        let extensions = vec![
            tbs::key_usage(&[KeyUsages::DigitalSignature])?,
            tbs::purpose(oid::KP_TIME_STAMPING, true)?,
        ];
        self.issue_as(&subject.to_der()?, key, validity, extensions, random)
    }

    /// Returns the CA's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(super) fn signer(&self) -> &dyn Signer {
        self.signer.as_ref()
    }

    /// Checks that verifiers will find this CA valid whenever what it issues is.
    pub(super) fn check_validity(&self, validity: Validity) -> Result<(), BuildError> {
        let expected = self.certificate.validity();
        let end = validity.end.ok_or(BuildError::Validity)?;
        if !expected.contains(validity.start) || !expected.contains(end) {
            return Err(BuildError::OutsideIssuer {
                expected,
                found: validity,
            });
        }
        Ok(())
    }

    fn issue_as(
        &self,
        subject: &[u8],
        key: &PublicKey,
        validity: Validity,
        mut extensions: Vec<Extension>,
        random: &dyn Random,
    ) -> Result<Certificate, BuildError> {
        self.check_validity(validity)?;
        extensions.push(tbs::subject_key_id(key)?);
        extensions.push(tbs::authority_key_id(
            &self.certificate,
            self.signer.public_key(),
        )?);
        let parts = Parts {
            serial: tbs::random_serial(random)?,
            issuer: self.certificate.subject_name_der(),
            validity,
            subject,
            key,
        };
        parts.sign(&extensions, self.signer())
    }
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAuthority")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl Subject<'_> {
    fn to_der(self) -> der::Result<Vec<u8>> {
        let attribute = |id: der::asn1::ObjectIdentifier, value| {
            let attribute =
                asn1::sequence(&[&id.to_der()?, &Utf8StringRef::new(value)?.to_der()?])?;
            asn1::tlv(Tag::Set, &[&attribute])
        };
        asn1::sequence(&[
            &attribute(oid::ORGANIZATION, self.organization)?,
            &attribute(oid::COMMON_NAME, self.common_name)?,
        ])
    }
}

const CA_USAGES: [KeyUsages; 2] = [KeyUsages::KeyCertSign, KeyUsages::CRLSign];
