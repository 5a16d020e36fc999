//! Verifier keys as text (C2SP signed-note, "vkey"): name, key id and key, as policies and configurations name them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use signhere_pki::key::{KeyKind, PublicKey, Scheme};

use super::{Form, NoteError, NoteVerifier};
use crate::{checkpoint, cosignature};

/// The longest that is read, in bytes: room for a name and any key that is known.
const MAX_VKEY: usize = 1024;

const TYPE_ED25519: u8 = 1;
const TYPE_ECDSA: u8 = 2;

impl NoteVerifier {
    /// The verifier that a vkey names. Its type says what it signs: notes with Ed25519 (1) or ECDSA (2),
    /// cosignatures (4) or RFC 6962 tree heads (5).
    ///
    /// # Errors
    /// Not a vkey, of another type, or its id is not its key's.
    pub fn parse_vkey(text: &str) -> Result<Self, NoteError> {
        let malformed = || NoteError::Vkey {
            found: text.chars().take(128).collect(),
        };
        if text.len() > MAX_VKEY {
            return Err(malformed());
        }
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        let bytes = STANDARD.decode(encoded).map_err(|_| malformed())?;
        let (kind, key) = bytes.split_first().ok_or_else(malformed)?;
        let verifier = match *kind {
            TYPE_ED25519 => Self::ed25519(name, &PublicKey::from_ed25519_bytes(key)?)?,
            TYPE_ECDSA => Self::ecdsa(name, &PublicKey::from_spki_der(key)?)?,
            cosignature::TYPE_V1 => {
                Self::cosignature_v1(name, &PublicKey::from_ed25519_bytes(key)?)?
            }
            checkpoint::TYPE_RFC6962 => Self::rfc6962(name, &PublicKey::from_spki_der(key)?)?,
            found => return Err(NoteError::VkeyType { found }),
        };
        let expected = verifier.hex_hint();
        if id != expected {
            return Err(NoteError::VkeyId {
                expected,
                found: id.chars().take(16).collect(),
            });
        }
        Ok(verifier)
    }

    /// The vkey that names this verifier.
    pub fn to_vkey(&self) -> String {
        let key = match self.key.kind() {
            KeyKind::Ed25519 => self.key.key_bytes(),
            _ => self.key.spki_der(),
        };
        let bytes = [&[self.vkey_type()], key].concat();
        format!(
            "{}+{}+{}",
            self.name,
            self.hex_hint(),
            STANDARD.encode(bytes)
        )
    }

    /// Whether this verifies cosignatures of witnesses.
    pub fn is_cosignature(&self) -> bool {
        self.form == Form::Cosignature
    }

    fn vkey_type(&self) -> u8 {
        match self.form {
            Form::Text(Scheme::Ed25519) => TYPE_ED25519,
            Form::Text(_) => TYPE_ECDSA,
            Form::Cosignature => cosignature::TYPE_V1,
            Form::TreeHead => checkpoint::TYPE_RFC6962,
        }
    }

    fn hex_hint(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.hint))
    }
}

#[cfg(test)]
mod tests {
    use signhere_pki::key::PrivateKey;

    use super::*;
    use crate::note::Note;

    /// The example of C2SP signed-note.
    const EXAMPLE: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn the_example_key_verifies_the_example_note() {
        let note = "This is an example message.\n\n\u{2014} example.com/foo \
            Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
        let note = Note::parse(note.as_bytes()).unwrap();
        let verifier = NoteVerifier::parse_vkey(EXAMPLE).unwrap();
        assert_eq!(verifier.verify(&note), Ok(()));
        assert_eq!(verifier.to_vkey(), EXAMPLE);
        assert!(!verifier.is_cosignature());
    }

    #[test]
    fn every_type_is_read_as_it_is_written() {
        let ed25519 = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        let p256 = PrivateKey::generate(KeyKind::P256).unwrap();
        for verifier in [
            NoteVerifier::ed25519("n", ed25519.public_key()),
            NoteVerifier::ecdsa("n", p256.public_key()),
            NoteVerifier::cosignature_v1("n", ed25519.public_key()),
            NoteVerifier::rfc6962("n", p256.public_key()),
        ] {
            let verifier = verifier.unwrap();
            let read = NoteVerifier::parse_vkey(&verifier.to_vkey()).unwrap();
            assert_eq!(
                (read.name(), read.hint, read.form),
                ("n", verifier.hint, verifier.form)
            );
            assert_eq!(read.key().spki_der(), verifier.key().spki_der());
        }
    }

    #[test]
    fn what_is_no_vkey_is_refused_for_its_reason() {
        let malformed = |found: &str| NoteError::Vkey {
            found: found.to_owned(),
        };
        for text in ["", "a", "a+b", "a+b+", "a+b+?", "a+530d903a+AQ"] {
            assert_eq!(
                NoteVerifier::parse_vkey(text).map(|_| ()),
                Err(malformed(text))
            );
        }
        let long = "a".repeat(MAX_VKEY + 1);
        assert_eq!(
            NoteVerifier::parse_vkey(&long).map(|_| ()),
            Err(malformed(&long[..128]))
        );
        assert_eq!(
            NoteVerifier::parse_vkey(&EXAMPLE.replace("530d", "530e")).map(|_| ()),
            Err(NoteError::VkeyId {
                expected: "530d903a".to_owned(),
                found: "530e903a".to_owned()
            })
        );
        // The id of the key is in lower case, and of the name as well.
        for other in [
            EXAMPLE.replace("530d", "530D"),
            EXAMPLE.replace("foo", "fop"),
        ] {
            assert!(matches!(
                NoteVerifier::parse_vkey(&other).map(|_| ()),
                Err(NoteError::VkeyId { .. })
            ));
        }
        assert_eq!(
            NoteVerifier::parse_vkey("n+00000000+BgAA").map(|_| ()),
            Err(NoteError::VkeyType { found: 6 })
        );
    }
}
