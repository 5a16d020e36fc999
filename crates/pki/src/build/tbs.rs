//! The signed part of a certificate (RFC 5280 section 4.1), from its parts.

use der::{
    Encode, Tag,
    asn1::{ObjectIdentifier, OctetString},
};
use x509_cert::ext::{
    Extension,
    pkix::{
        AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
        SubjectKeyIdentifier,
    },
};

use super::BuildError;
use crate::{
    algorithm, asn1,
    cert::Certificate,
    digest::sha256,
    key::{PublicKey, Signer},
    oid,
    random::Random,
    time::{Time, Validity},
};

/// What a TBSCertificate is made of, apart from its extensions.
pub(super) struct Parts<'a> {
    pub(super) serial: [u8; SERIAL_LEN],
    /// The issuer's name, in DER.
    pub(super) issuer: &'a [u8],
    pub(super) validity: Validity,
    /// The subject's name, in DER.
    pub(super) subject: &'a [u8],
    pub(super) key: &'a PublicKey,
}

impl Parts<'_> {
    /// Returns the certificate with these extensions, signed and read back.
    pub(super) fn sign(
        &self,
        extensions: &[Extension],
        signer: &dyn Signer,
    ) -> Result<Certificate, BuildError> {
        sign(&self.tbs(extensions, signer)?, signer)
    }

    fn tbs(&self, extensions: &[Extension], signer: &dyn Signer) -> Result<Vec<u8>, BuildError> {
        let end = self.validity.end.filter(|end| *end >= self.validity.start);
        let end = end.ok_or(BuildError::Validity)?;
        let extensions = extensions
            .iter()
            .map(Encode::to_der)
            .collect::<Result<Vec<_>, _>>()?
            .concat();
        Ok(asn1::sequence(&[
            &asn1::field(0, &[&VERSION_3.to_der()?])?,
            &asn1::tlv(Tag::Integer, &[&self.serial])?,
            &signature_algorithm(signer)?,
            self.issuer,
            &asn1::sequence(&[&time(self.validity.start)?, &time(end)?])?,
            self.subject,
            self.key.spki_der(),
            &asn1::field(3, &[&asn1::sequence(&[&extensions])?])?,
        ])?)
    }
}

/// Returns the certificate over a TBSCertificate that names the scheme of `signer`, read back.
pub(super) fn sign(tbs: &[u8], signer: &dyn Signer) -> Result<Certificate, BuildError> {
    let signature = signer.sign(tbs)?;
    let der = asn1::sequence(&[
        tbs,
        &signature_algorithm(signer)?,
        &asn1::tlv(Tag::BitString, &[&[0], &signature])?,
    ])?;
    Ok(Certificate::from_der(&der)?)
}

pub(super) const SERIAL_LEN: usize = 20;
const VERSION_3: u8 = 2;

/// A serial number of 20 octets, as long as RFC 5280 section 4.1.2.2 allows.
pub(super) fn random_serial(random: &dyn Random) -> Result<[u8; SERIAL_LEN], BuildError> {
    let mut serial = [0; SERIAL_LEN];
    random.fill(&mut serial)?;
    Ok(asn1::positive_integer(serial))
}

pub(super) fn extension(
    id: ObjectIdentifier,
    critical: bool,
    value: Vec<u8>,
) -> Result<Extension, BuildError> {
    Ok(Extension {
        extn_id: id,
        critical,
        extn_value: OctetString::new(value)?,
    })
}

pub(super) fn ca_constraints(path_length: Option<u8>) -> Result<Extension, BuildError> {
    let constraints = BasicConstraints {
        ca: true,
        path_len_constraint: path_length,
    };
    extension(oid::BASIC_CONSTRAINTS, true, constraints.to_der()?)
}

pub(super) fn key_usage(usages: &[KeyUsages]) -> Result<Extension, BuildError> {
    let usages = usages
        .iter()
        .fold(KeyUsage(None.into()), |KeyUsage(all), usage| {
            KeyUsage(all | *usage)
        });
    extension(oid::KEY_USAGE, true, usages.to_der()?)
}

pub(super) fn purpose(id: ObjectIdentifier, critical: bool) -> Result<Extension, BuildError> {
    extension(
        oid::EXT_KEY_USAGE,
        critical,
        ExtendedKeyUsage(vec![id]).to_der()?,
    )
}

pub(super) fn subject_key_id(key: &PublicKey) -> Result<Extension, BuildError> {
    let id = SubjectKeyIdentifier(OctetString::new(key_id(key))?);
    extension(oid::SUBJECT_KEY_IDENTIFIER, false, id.to_der()?)
}

/// Points to `issuer` by its subject key identifier, or by what it would be.
pub(super) fn authority_key_id(
    issuer: &Certificate,
    issuer_key: &PublicKey,
) -> Result<Extension, BuildError> {
    let id = issuer
        .subject_key_id()
        .map_or_else(|| key_id(issuer_key), <[u8]>::to_vec);
    let id = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(id)?),
        ..AuthorityKeyIdentifier::default()
    };
    extension(oid::AUTHORITY_KEY_IDENTIFIER, false, id.to_der()?)
}

/// RFC 7093 section 2, method 1: the first 160 bits of SHA-256 over the key's bits.
fn key_id(key: &PublicKey) -> Vec<u8> {
    sha256(key.key_bytes()).into_iter().take(20).collect()
}

fn signature_algorithm(signer: &dyn Signer) -> Result<Vec<u8>, BuildError> {
    Ok(algorithm::identifier(signer.scheme())
        .ok_or(BuildError::Scheme)?
        .to_der()?)
}

fn time(time: Time) -> Result<Vec<u8>, BuildError> {
    asn1::time(time).map_err(|_| BuildError::Time { time })
}
