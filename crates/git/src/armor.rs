//! The text around signatures: whose kind of signature it is, and the one that is read here.

mod pgp;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// The longest armor that is read, in bytes.
pub const MAX_ARMOR_LEN: usize = 384 * 1024;

const BEGIN: &[u8] = b"-----BEGIN SIGNED MESSAGE-----\n";
const END: &[u8] = b"-----END SIGNED MESSAGE-----";
/// How many characters a line of base64 has, all but the last.
const LINE_LEN: usize = 64;

/// Which kind of signature an object carries, told from its first line as git does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "format", rename_all = "camelCase")]
pub enum SignatureKind {
    /// A CMS message, as gitsign, smimesign and this program write it.
    X509,
    /// An SSH signature.
    Ssh,
    /// An OpenPGP signature.
    #[serde(rename_all = "camelCase")]
    Pgp {
        /// The id of the key that it names, as 16 upper-case hexadecimal digits; `None` where it names none. A claim.
        key_id: Option<String>,
        /// The platform whose own key that is: it signs what people do in its web pages. A claim too.
        platform: Option<&'static str>,
    },
    /// Something else.
    Unknown,
}

impl SignatureKind {
    /// Returns its name in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::X509 => "x509",
            Self::Ssh => "ssh",
            Self::Pgp { .. } => "pgp",
            Self::Unknown => "unknown",
        }
    }
}

/// The armor of a signature.
#[derive(Debug)]
pub struct Armor;

impl Armor {
    /// Tells which kind of signature this is. Nothing of it is verified.
    pub fn classify(armor: &[u8]) -> SignatureKind {
        let is = |label: &str| armor.starts_with(format!("-----BEGIN {label}-----").as_bytes());
        if is("SIGNED MESSAGE") {
            SignatureKind::X509
        } else if is("SSH SIGNATURE") {
            SignatureKind::Ssh
        } else if is("PGP SIGNATURE") || is("PGP MESSAGE") {
            pgp::classify(armor)
        } else {
            SignatureKind::Unknown
        }
    }

    /// Returns the CMS message in the armor.
    ///
    /// What git knows as a signature is unsigned text: only the one form that the signing programs write is read, so
    /// that nothing can hide in it.
    ///
    /// # Errors
    /// [`ArmorError`] for anything else.
    pub fn decode(armor: &[u8]) -> Result<Vec<u8>, ArmorError> {
        if armor.len() > MAX_ARMOR_LEN {
            return Err(ArmorError::TooLong {
                found: armor.len(),
                max: MAX_ARMOR_LEN,
            });
        }
        let rest = armor.strip_prefix(BEGIN).ok_or(ArmorError::Begin)?;
        let end = rest
            .windows(END.len())
            .position(|window| window == END)
            .ok_or(ArmorError::End)?;
        let (body, rest) = rest.split_at_checked(end).ok_or(ArmorError::End)?;
        let after = rest.get(END.len()..).unwrap_or_default();
        if !matches!(after, b"" | b"\n" | b"\n\n") {
            return Err(ArmorError::Trailing);
        }

        let body = body.strip_suffix(b"\n").ok_or(ArmorError::Line)?;
        let mut base64 = Vec::with_capacity(body.len());
        let mut lines = body.split(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            let fits = match lines.peek() {
                Some(_) => line.len() == LINE_LEN,
                None => (1..=LINE_LEN).contains(&line.len()),
            };
            if !fits {
                return Err(ArmorError::Line);
            }
            base64.extend_from_slice(line);
        }
        STANDARD.decode(&base64).map_err(|_| ArmorError::Base64)
    }

    /// Returns the armor of a CMS message.
    pub fn encode(der: &[u8]) -> String {
        signhere_pki::pem::encode("SIGNED MESSAGE", der)
    }
}

/// Why an armor was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArmorError {
    /// More bytes than are read.
    #[error("armor of {found} bytes, at most {max} are read")]
    TooLong {
        /// The length found.
        found: usize,
        /// The largest length.
        max: usize,
    },
    /// It does not begin as it must.
    #[error("the armor does not begin with a line BEGIN SIGNED MESSAGE")]
    Begin,
    /// It does not end as it must.
    #[error("the armor has no line END SIGNED MESSAGE")]
    End,
    /// Something follows it.
    #[error("something follows the armor's last line")]
    Trailing,
    /// A line is not 64 characters long.
    #[error("a line of the armor is not 64 characters long")]
    Line,
    /// It is not base64.
    #[error("the armor is not base64")]
    Base64,
}

#[cfg(test)]
mod tests;
