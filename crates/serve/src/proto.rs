//! Scalars in requests, in the JSON form of protocol buffers.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// A `bytes` field: base64 in either alphabet, padded or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Bytes {
    /// The bytes in `text`; `None` when it is not base64.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let url_safe = text.contains(['-', '_']);
        let engine = if url_safe { &URL_SAFE } else { &STANDARD };
        engine.decode(text).ok().map(Self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::decode(&text).ok_or_else(|| de::Error::custom("not base64"))
    }
}

impl Serialize for Bytes {
    /// In the standard alphabet, padded.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn either_alphabet_padded_or_not() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(Bytes::decode(text), Some(Bytes(vec![0xfb, 0xff])), "{text}");
        }
        for text in ["+_8=", "+/8=\n", "+/8==", "ä"] {
            assert_eq!(Bytes::decode(text), None, "{text}");
        }
    }
}
