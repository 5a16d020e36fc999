//! The status lines.

use std::fmt::Write as _;

use signhere_pki::time::Time;

/// Whose signature it is, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The SHA-256 fingerprint of the certificate.
    pub fingerprint: [u8; 32],
    /// The subject alternative name.
    pub identity: String,
    /// Who vouches for it.
    pub issuer: String,
}

/// How a signature stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// Every check holds.
    Good {
        /// Who signed.
        signer: Signer,
        /// When that was, as proven.
        at: Time,
        /// What the trust files say of it.
        trust: Trust,
    },
    /// Every check holds but one: the certificate was not valid when it was used.
    Expired {
        /// Who signed.
        signer: Signer,
    },
    /// Every check holds, and a trust file revokes the signer.
    Revoked {
        /// Who signed.
        signer: Signer,
    },
    /// It could not be checked to the end: something is missing, or cannot be read.
    Unchecked {
        /// Who is said to have signed, where that can be read.
        signer: Option<Signer>,
    },
    /// A check refuses it.
    Bad {
        /// Who is said to have signed, where that can be read.
        signer: Option<Signer>,
    },
}

/// What the trust files say of a signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// There are trust files, and none lists the signer for this.
    Never,
    /// There is no trust file: nobody said whom to trust.
    Undefined,
    /// A trust file lists the signer for this.
    Fully,
}

impl Standing {
    /// Returns what several signatures over the same content come to: the worst, for git can be told of one only.
    /// Where all are good, the most trusted one counts. Nothing signed is [`Self::Bad`].
    pub fn fold(standings: impl IntoIterator<Item = Self>) -> Self {
        let worst = standings
            .into_iter()
            .max_by_key(|standing| standing.severity());
        worst.unwrap_or(Self::Bad { signer: None })
    }

    /// Returns whether git may take the signature for one that counts: the program then ends with 0.
    pub fn counts(&self) -> bool {
        matches!(self, Self::Good { trust, .. } if *trust != Trust::Never)
    }

    /// Returns who signed, or is said to have.
    pub fn signer(&self) -> Option<&Signer> {
        match self {
            Self::Good { signer, .. } | Self::Expired { signer } | Self::Revoked { signer } => {
                Some(signer)
            }
            Self::Unchecked { signer } | Self::Bad { signer } => signer.as_ref(),
        }
    }

    fn severity(&self) -> (u8, Option<Trust>) {
        match self {
            Self::Good { trust, .. } => (0, Some(*trust)),
            Self::Expired { .. } => (1, None),
            Self::Revoked { .. } => (2, None),
            Self::Unchecked { .. } => (3, None),
            Self::Bad { .. } => (4, None),
        }
    }
}

/// Returns the status lines that git wants of a signature that was made.
///
/// The first line is none that git reads: before 2.36 it looks for a line feed in front of the second.
pub fn sign_status(signer: &Signer, at: Time) -> String {
    let (fingerprint, seconds) = (hex::encode(signer.fingerprint), at.unix());
    format!(
        "{PREFIX}BEGIN_SIGNING H{HASH}\n\
         {PREFIX}SIG_CREATED D {ALGORITHM} {HASH} {CLASS} {seconds} {fingerprint}\n"
    )
}

/// Returns the status lines that git wants of a signature that was verified.
///
/// Exactly one of them says how it stands; `NEWSIG` comes first, for git wants a line feed in front of a `GOODSIG`.
pub fn verify_status(standing: &Standing) -> String {
    let mut lines = format!("{PREFIX}NEWSIG\n");
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{PREFIX}{text}");
    };
    let who = Shown::new(standing.signer());
    let Shown { key, name } = &who;
    match standing {
        Standing::Good { at, trust, .. } => {
            line(format_args!("GOODSIG {key} {name}"));
            let (seconds, shown) = (at.unix(), at.to_string());
            let day = shown.split('T').next().unwrap_or_default();
            line(format_args!(
                "VALIDSIG {key} {day} {seconds} {NEVER} {VERSION} {RESERVED} {ALGORITHM} {HASH} {CLASS} {key}"
            ));
            let trust = match trust {
                Trust::Never => "NEVER",
                Trust::Undefined => "UNDEFINED",
                Trust::Fully => "FULLY",
            };
            line(format_args!("TRUST_{trust} 0 sigstore"));
        }
        Standing::Expired { .. } => line(format_args!("EXPKEYSIG {key} {name}")),
        Standing::Revoked { .. } => line(format_args!("REVKEYSIG {key} {name}")),
        Standing::Unchecked { .. } => line(format_args!(
            "ERRSIG {key} {ALGORITHM} {HASH} {CLASS} 0 {GENERAL_ERROR} {key}"
        )),
        Standing::Bad { .. } => line(format_args!("BADSIG {key} {name}")),
    }
    lines
}

const PREFIX: &str = "[GNUPG:] ";
/// ECDSA in the numbering of OpenPGP (RFC 9580 section 9.1).
const ALGORITHM: u8 = 19;
/// SHA-256 in the numbering of OpenPGP (RFC 9580 section 9.5).
const HASH: u8 = 8;
/// A signature of a binary document (RFC 9580 section 5.2.1).
const CLASS: &str = "00";
/// The signature does not expire.
const NEVER: u8 = 0;
/// Not a version of OpenPGP's.
const VERSION: u8 = 0;
const RESERVED: u8 = 0;
/// GPG_ERR_GENERAL.
const GENERAL_ERROR: u8 = 1;
/// In the place of the key of a signature whose certificate cannot be read.
const NO_KEY: &str = "0000000000000000";
const NO_NAME: &str = "unknown";

/// The words of a status line that speak of a signer.
struct Shown {
    key: String,
    name: String,
}

impl Shown {
    fn new(signer: Option<&Signer>) -> Self {
        match signer {
            Some(signer) => Self {
                key: hex::encode(signer.fingerprint),
                name: format!(
                    "{} ({})",
                    escaped(&signer.identity),
                    escaped(&signer.issuer)
                ),
            },
            None => Self {
                key: NO_KEY.to_owned(),
                name: NO_NAME.to_owned(),
            },
        }
    }
}

/// `text` as one word of one line, as GnuPG escapes it: what could end the word or the line, and what a terminal
/// would obey (git prints names as they are), in hexadecimal after `%`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !is_plain(c) {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                // Writing to a string does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
            continue;
        }
        out.push(c);
    }
    out
}

/// Letters of other scripts are shown; what is not seen, or moves what is seen, is not.
fn is_plain(c: char) -> bool {
    match c {
        '%' => false,
        _ if c.is_ascii() => c.is_ascii_graphic(),
        _ => c.is_alphanumeric(),
    }
}
