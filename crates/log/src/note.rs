//! Signed notes (C2SP signed-note): a text and lines of signatures under it.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use signhere_pki::digest::sha256;
use signhere_pki::key::{KeyError, KeyKind, PublicKey, Scheme, Signer};
use signhere_pki::time::Clock;

use crate::{checkpoint, cosignature};

mod vkey;

/// The largest note that is read, in bytes.
pub const MAX_NOTE: usize = 1_000_000;

/// The largest number of signatures that a note may carry.
pub const MAX_SIGNATURES: usize = 100;

/// A parsed note. Its signatures are claims until a [`NoteVerifier`] has checked one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// The note in `bytes`.
    ///
    /// # Errors
    /// Anything that C2SP signed-note does not allow, no signature at all, or more than the caps.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE {
            return Err(NoteError::TooLong {
                limit: MAX_NOTE,
                found: bytes.len(),
            });
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        if let Some(character) = note.chars().find(|c| *c < ' ' && *c != '\n') {
            return Err(NoteError::ControlCharacter { character });
        }
        // The text may hold blank lines itself: the signatures begin after the last one.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        if lines.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        let lines = lines
            .strip_suffix('\n')
            .ok_or(NoteError::UnterminatedLine)?;

        let mut signatures = Vec::new();
        for (number, line) in lines.split('\n').enumerate() {
            if number >= MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures {
                    limit: MAX_SIGNATURES,
                });
            }
            let signature =
                NoteSignature::parse(line).ok_or(NoteError::MalformedSignature { line: number })?;
            signatures.push(signature);
        }
        Ok(Self {
            text: format!("{text}\n"),
            signatures,
        })
    }

    /// The signed text, with its final newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures in the note's order, known and unknown, none verified.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

/// One signature line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key, as claimed.
    pub name: String,
    /// The first four bytes of the key's id: a hint which key to try, no authentication.
    pub key_hint: [u8; 4],
    /// The signature, in the form that the key's type asks for.
    pub signature: Vec<u8>,
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        check_name(name).ok()?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (key_hint, signature) = bytes.split_first_chunk::<4>()?;
        if signature.is_empty() {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            key_hint: *key_hint,
            signature: signature.to_vec(),
        })
    }

    /// The line in the note's form, with its newline.
    pub fn to_line(&self) -> String {
        let bytes = [self.key_hint.as_slice(), &self.signature].concat();
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode(bytes))
    }
}

/// A key under a name, to check notes with.
#[derive(Clone, Debug)]
pub struct NoteVerifier {
    name: String,
    hint: [u8; 4],
    key: PublicKey,
    form: Form,
}

/// What a key signs, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text(Scheme),
    Cosignature,
    TreeHead,
}

impl NoteVerifier {
    /// Checks the Ed25519 signatures of C2SP signed-note (type 0x01), as Rekor v2 makes them.
    ///
    /// # Errors
    /// The key is not Ed25519, or the name not one of a note.
    pub fn ed25519(name: &str, key: &PublicKey) -> Result<Self, NoteError> {
        let id = key_id_ed25519(name, key)?;
        Self::new(name, hint(&id), key, Form::Text(Scheme::Ed25519))
    }

    /// Checks the ECDSA signatures of Rekor v1: the hint is the start of SHA-256 of the key's SPKI.
    ///
    /// # Errors
    /// The key is not ECDSA, or the name not one of a note.
    pub fn ecdsa(name: &str, key: &PublicKey) -> Result<Self, NoteError> {
        if !matches!(key.kind(), KeyKind::P256 | KeyKind::P384 | KeyKind::P521) {
            return Err(NoteError::KeyKind {
                name: name.to_owned(),
            });
        }
        Self::new(
            name,
            hint(&key.key_id()),
            key,
            Form::Text(key.default_scheme()),
        )
    }

    /// Checks the signatures that a log with this key makes: [`Self::ed25519`] or [`Self::ecdsa`].
    ///
    /// # Errors
    /// The key is of neither kind, or the name not one of a note.
    pub fn for_key(name: &str, key: &PublicKey) -> Result<Self, NoteError> {
        if key.kind() == KeyKind::Ed25519 {
            Self::ed25519(name, key)
        } else {
            Self::ecdsa(name, key)
        }
    }

    /// Checks the cosignatures of a witness (C2SP tlog-cosignature v1, type 0x04).
    ///
    /// # Errors
    /// The key is not Ed25519, or the name not one of a note.
    pub fn cosignature_v1(name: &str, key: &PublicKey) -> Result<Self, NoteError> {
        let id = key_id(name, cosignature::TYPE_V1, &ed25519_bytes(name, key)?);
        Self::new(name, hint(&id), key, Form::Cosignature)
    }

    /// Checks the tree head signatures of a certificate log (C2SP static-ct-api, type 0x05).
    ///
    /// # Errors
    /// The key is not on the curve P-256, or the name not one of a note.
    pub fn rfc6962(name: &str, key: &PublicKey) -> Result<Self, NoteError> {
        if key.kind() != KeyKind::P256 {
            return Err(NoteError::KeyKind {
                name: name.to_owned(),
            });
        }
        let id = key_id(name, checkpoint::TYPE_RFC6962, &key.key_id());
        Self::new(name, hint(&id), key, Form::TreeHead)
    }

    fn new(name: &str, hint: [u8; 4], key: &PublicKey, form: Form) -> Result<Self, NoteError> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            hint,
            key: key.clone(),
            form,
        })
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Checks that one of the note's signatures is this key's. Lines of others are ignored, in any order.
    ///
    /// # Errors
    /// No line has this name and hint, or none of those that have is this key's signature.
    pub fn verify(&self, note: &Note) -> Result<(), NoteError> {
        self.signed_at(note).map(|_| ())
    }

    /// As [`Self::verify`]; the time that the signature states: seconds for a cosignature, milliseconds
    /// for a tree head, none for the others.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn signed_at(&self, note: &Note) -> Result<Option<u64>, NoteError> {
        let mut reason = NoteError::NotSignedBy {
            name: self.name.clone(),
        };
        for line in note.signatures() {
            if !self.is_named_in(line) {
                continue;
            }
            match self.verify_line(note.text(), &line.signature) {
                Some(time) => return Ok(time),
                None => {
                    reason = NoteError::SignatureInvalid {
                        name: self.name.clone(),
                    }
                }
            }
        }
        Err(reason)
    }

    /// As [`Self::signed_at`], but every line that claims to be this key's has to be: the time of the first.
    ///
    /// C2SP signed-note asks this of whoever vouches for the note in turn.
    ///
    /// # Errors
    /// No line has this name and hint, or one that has is not this key's signature.
    pub fn signed_only_at(&self, note: &Note) -> Result<Option<u64>, NoteError> {
        let mut lines = note
            .signatures()
            .iter()
            .filter(|line| self.is_named_in(line))
            .map(|line| self.verify_line(note.text(), &line.signature));
        let first = lines.next().ok_or_else(|| NoteError::NotSignedBy {
            name: self.name.clone(),
        })?;
        first
            .filter(|_| lines.all(|line| line.is_some()))
            .ok_or_else(|| NoteError::SignatureInvalid {
                name: self.name.clone(),
            })
    }

    /// Whether the line has this key's name and hint: a claim, no more.
    pub fn is_named_in(&self, line: &NoteSignature) -> bool {
        line.name == self.name && line.key_hint == self.hint
    }

    /// The line of this key's `signature`, with its newline.
    pub(crate) fn line(&self, signature: Vec<u8>) -> String {
        NoteSignature {
            name: self.name.clone(),
            key_hint: self.hint,
            signature,
        }
        .to_line()
    }

    fn verify_line(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        match self.form {
            Form::Text(scheme) => {
                self.key.verify(scheme, text.as_bytes(), signature).ok()?;
                Some(None)
            }
            Form::Cosignature => {
                let (time, signature) = signature.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                let message = cosignature::message(time, text);
                self.key
                    .verify(Scheme::Ed25519, message.as_bytes(), signature)
                    .ok()?;
                Some(Some(time))
            }
            Form::TreeHead => {
                let (time, signed) = checkpoint::split_tree_head_signature(signature)?;
                let message = checkpoint::tree_head(time, text)?;
                self.key
                    .verify(Scheme::EcdsaP256Sha256, &message, signed)
                    .ok()?;
                Some(Some(time))
            }
        }
    }
}

/// A private key under a name, to sign notes with.
pub struct NoteSigner {
    verifier: NoteVerifier,
    signer: Box<dyn Signer>,
    clock: Option<Arc<dyn Clock>>,
}

impl NoteSigner {
    /// Signs as [`NoteVerifier::for_key`] verifies: Ed25519 for a log that witnesses may cosign, or ECDSA.
    ///
    /// # Errors
    /// The key is of neither kind, or the name not one of a note.
    pub fn new(name: &str, signer: Box<dyn Signer>) -> Result<Self, NoteError> {
        let verifier = NoteVerifier::for_key(name, signer.public_key())?;
        Ok(Self {
            verifier,
            signer,
            clock: None,
        })
    }

    /// Signs as [`NoteVerifier::rfc6962`] verifies, for a certificate log: such a signature states the time.
    ///
    /// # Errors
    /// The key is not on the curve P-256, or the name not one of a note.
    pub fn rfc6962(
        name: &str,
        signer: Box<dyn Signer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NoteError> {
        let verifier = NoteVerifier::rfc6962(name, signer.public_key())?;
        Ok(Self {
            verifier,
            signer,
            clock: Some(clock),
        })
    }

    /// What verifies this signer's notes.
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// The note of `text`, which ends with a newline, under this signature.
    ///
    /// # Errors
    /// The text is not one of a note, the key failed, or the clock stands before 1970.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        if let Some(character) = text.chars().find(|c| *c < ' ' && *c != '\n') {
            return Err(NoteError::ControlCharacter { character });
        }
        if !text.ends_with('\n') {
            return Err(NoteError::UnterminatedLine);
        }
        let signature = match &self.clock {
            None => self.signer.sign(text.as_bytes())?,
            Some(clock) => {
                let seconds = u64::try_from(clock.now().unix()).map_err(|_| NoteError::Clock)?;
                let time = seconds.saturating_mul(1000);
                let message = checkpoint::tree_head(time, text).ok_or(NoteError::NotACheckpoint)?;
                checkpoint::tree_head_signature(time, &self.signer.sign(&message)?)
                    .ok_or(NoteError::NotACheckpoint)?
            }
        };
        Ok(format!("{text}\n{}", self.verifier.line(signature)))
    }
}

impl std::fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoteSigner")
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

/// The full 32-byte id of an Ed25519 note key: SHA-256 of name, newline, 0x01 and the key (C2SP signed-note).
///
/// # Errors
/// The key is not Ed25519.
pub fn key_id_ed25519(name: &str, key: &PublicKey) -> Result<[u8; 32], NoteError> {
    Ok(key_id(name, 1, &ed25519_bytes(name, key)?))
}

/// Why a note is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The note is longer than [`MAX_NOTE`].
    #[error("the note has {found} bytes, the limit is {limit}")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
        /// The note's bytes.
        found: usize,
    },
    /// The note is not UTF-8.
    #[error("the note is not UTF-8")]
    NotUtf8,
    /// The note holds a control character other than newline.
    #[error("the note holds the control character {character:?}")]
    ControlCharacter {
        /// The character.
        character: char,
    },
    /// Nothing, or no blank line, where the signatures should be.
    #[error("the note has no signatures")]
    NoSignatures,
    /// The last line of the text or of the signatures does not end.
    #[error("the last line does not end with a newline")]
    UnterminatedLine,
    /// More signatures than [`MAX_SIGNATURES`].
    #[error("the note has more than {limit} signatures")]
    TooManySignatures {
        /// The limit.
        limit: usize,
    },
    /// A signature line is not one.
    #[error("signature line {line} is malformed")]
    MalformedSignature {
        /// The line, counted from zero.
        line: usize,
    },
    /// A key's name is empty, or holds white space or a plus sign.
    #[error("{name:?} cannot name a note's key")]
    KeyName {
        /// The name.
        name: String,
    },
    /// The key is of a kind that this form of signature does not know.
    #[error("the key of {name} is of the wrong kind for this form of signature")]
    KeyKind {
        /// The key's name.
        name: String,
    },
    /// A text is not a verifier key.
    #[error("{found:?} is not a verifier key: name, id and key between plus signs were expected")]
    Vkey {
        /// The start of the text.
        found: String,
    },
    /// A verifier key is of a type that is not known here.
    #[error("verifier keys of type {found} are not supported")]
    VkeyType {
        /// Its type.
        found: u8,
    },
    /// The id in a verifier key is not that of its name and key.
    #[error("the verifier key's id is {expected}, not {found:?}")]
    VkeyId {
        /// The id that name and key give, in hexadecimal.
        expected: String,
        /// The start of the id in the text.
        found: String,
    },
    /// No signature claims to be of this key.
    #[error("no signature is by the key of {name}")]
    NotSignedBy {
        /// The key's name.
        name: String,
    },
    /// Every signature that claims to be of this key is another's, or of another text.
    #[error("the signature of {name} does not verify")]
    SignatureInvalid {
        /// The key's name.
        name: String,
    },
    /// The signature states a time, and the clock stands before 1970.
    #[error("the clock stands before 1970")]
    Clock,
    /// Only a checkpoint can be signed in this form.
    #[error("the text is not a checkpoint")]
    NotACheckpoint,
    /// The key refused.
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn key_id(name: &str, kind: u8, key: &[u8]) -> [u8; 32] {
    sha256(&[name.as_bytes(), &[b'\n', kind], key].concat())
}

fn hint(id: &[u8; 32]) -> [u8; 4] {
    [id[0], id[1], id[2], id[3]]
}

fn ed25519_bytes(name: &str, key: &PublicKey) -> Result<[u8; 32], NoteError> {
    let bytes = key
        .key_bytes()
        .try_into()
        .ok()
        .filter(|_| key.kind() == KeyKind::Ed25519);
    bytes.ok_or_else(|| NoteError::KeyKind {
        name: name.to_owned(),
    })
}

fn check_name(name: &str) -> Result<(), NoteError> {
    if name.is_empty()
        || name
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '+')
    {
        return Err(NoteError::KeyName {
            name: name.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
