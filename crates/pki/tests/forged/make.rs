//! DER piece by piece, so that any piece can be wrong.

use signhere_pki::{
    cert::Certificate,
    key::{KeyKind, PrivateKey, Signer},
    time::Time,
};

/// 2030-01-01T00:00:00Z
pub(crate) const AT: Time = Time::from_unix(1_893_456_000);

pub(crate) const ECDSA_SHA256: &str = "06082a8648ce3d040302";
pub(crate) const ECDSA_SHA384: &str = "06082a8648ce3d040303";
pub(crate) const SHA256: &str = "0609608648016503040201";
pub(crate) const CODE_SIGNING: &str = "06082b06010505070303";
pub(crate) const TIME_STAMPING: &str = "06082b06010505070308";

pub(crate) fn hex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let first = length.iter().position(|byte| *byte != 0).unwrap_or(7);
    let mut out = vec![tag];
    match content.len() {
        0..=0x7f => out.push(length[7]),
        _ => {
            out.push(0x80 | u8::try_from(8 - first).unwrap());
            out.extend_from_slice(&length[first..]);
        }
    }
    out.extend_from_slice(&content);
    out
}

pub(crate) fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

pub(crate) fn octets(bytes: &[u8]) -> Vec<u8> {
    tlv(4, &[bytes])
}

/// Whatever `from` is in `bytes` once, made `to`.
pub(crate) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at: Vec<usize> = (0..=bytes.len() - from.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    let [at] = at[..] else {
        panic!("found {} times", at.len())
    };
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

pub(crate) fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

pub(crate) fn name(common_name: &str) -> Vec<u8> {
    let value = tlv(0x0c, &[common_name.as_bytes()]);
    seq(&[&tlv(0x31, &[&seq(&[&hex("0603550403"), &value])])])
}

pub(crate) fn extension(oid: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { hex("0101ff") } else { Vec::new() };
    seq(&[&hex(oid), &critical, &octets(value)])
}

/// A subject alternative name of these GeneralNames.
pub(crate) fn alternative_names(names: &[&[u8]]) -> Vec<u8> {
    extension("0603551d11", true, &seq(names))
}

pub(crate) fn email(address: &str) -> Vec<u8> {
    tlv(0x81, &[address.as_bytes()])
}

pub(crate) fn purpose(oid: &str) -> Vec<u8> {
    extension("0603551d25", true, &seq(&[&hex(oid)]))
}

/// A certificate's parts, each in DER.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) version: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) inner_algorithm: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    pub(crate) unique_ids: Vec<u8>,
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) after_extensions: Vec<u8>,
    pub(crate) outer_algorithm: Vec<u8>,
    pub(crate) unused_bits: u8,
    pub(crate) after_signature: Vec<u8>,
}

impl Parts {
    /// A leaf under "root" that is as it should be.
    pub(crate) fn leaf(key: &PrivateKey, extensions: &[Vec<u8>]) -> Self {
        Self {
            version: hex("a003020102"),
            serial: hex("020107"),
            inner_algorithm: seq(&[&hex(ECDSA_SHA256)]),
            issuer: name("root"),
            validity: seq(&[
                &tlv(0x17, &[b"250101000000Z"]),
                &tlv(0x17, &[b"350101000000Z"]),
            ]),
            subject: name("leaf"),
            spki: key.public_key().spki_der().to_vec(),
            unique_ids: Vec::new(),
            extensions: extensions.to_vec(),
            after_extensions: Vec::new(),
            outer_algorithm: seq(&[&hex(ECDSA_SHA256)]),
            unused_bits: 0,
            after_signature: Vec::new(),
        }
    }

    /// The root of the same name.
    pub(crate) fn root(key: &PrivateKey) -> Self {
        let constraints = extension("0603551d13", true, &hex("30030101ff"));
        Self {
            subject: name("root"),
            ..Self::leaf(key, &[constraints])
        }
    }

    pub(crate) fn tbs(&self) -> Vec<u8> {
        let extensions = match self.extensions.is_empty() {
            true => Vec::new(),
            false => tlv(0xa3, &[&tlv(0x30, &[&self.extensions.concat()])]),
        };
        seq(&[
            &self.version,
            &self.serial,
            &self.inner_algorithm,
            &self.issuer,
            &self.validity,
            &self.subject,
            &self.spki,
            &self.unique_ids,
            &extensions,
            &self.after_extensions,
        ])
    }

    pub(crate) fn signed(&self, issuer: &PrivateKey) -> Vec<u8> {
        let tbs = self.tbs();
        let signature = issuer.sign(&tbs).unwrap();
        seq(&[
            &tbs,
            &self.outer_algorithm,
            &tlv(3, &[&[self.unused_bits], &signature]),
            &self.after_signature,
        ])
    }

    pub(crate) fn certificate(&self, issuer: &PrivateKey) -> Certificate {
        Certificate::from_der(&self.signed(issuer)).unwrap()
    }
}
