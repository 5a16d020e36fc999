//! Keys, certificates, SCTs, CMS messages, timestamps: DER.

use std::sync::OnceLock;

use signhere_pki::cert::Certificate;
use signhere_pki::chain::{Chain, Purpose};
use signhere_pki::cms::SignedData;
use signhere_pki::fulcio;
use signhere_pki::key::{PrivateKey, PublicKey};
use signhere_pki::sct::{SctList, precert_tbs};
use signhere_pki::time::Time;
use signhere_pki::tsp::{TimestampRequest, TimestampToken};

/// A chain to hang anything from, and to take keys from.
const CHAIN: &str = include_str!("../../testdata/chains/ok.pem");
const TSA_CHAIN: &str = include_str!("../../testdata/chains/ok-tsa.pem");

/// Tags, lengths and identifiers.
pub(crate) const DER_TOKENS: &[&str] = &[
    "\x30\x03",
    "\x02\x01\x00",
    "\x30\x00",
    "\x03\x02\x05\x20",
    "\x06\x03\x55\x1d\x11",
    "\x06\x03\x55\x1d\x13",
    "\x06\x03\x55\x1d\x25",
    "\x05\x00",
    "\x01\x01\x7f",
    "\x04\x00",
    "\x0c\x00",
    "\x17\x0d500101000000Z",
    "\x18\x0f99991231235959Z",
    "\x18\x1320260229120000.123Z",
];

fn chain(pem: &str) -> Chain {
    let list = Certificate::list_from_pem(pem).unwrap_or_default();
    Chain::new(list.get(1..).unwrap_or_default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Every form of a key; what is read as a public key is written the same.
pub(crate) fn key(input: &[u8]) {
    if let Ok(key) = PublicKey::from_spki_der(input) {
        let again = PublicKey::from_spki_der(key.spki_der());
        assert!(again.is_ok_and(|again| again == key));
        let _ = key.verify(key.kind().default_scheme(), b"message", input);
    }
    let _ = PublicKey::from_pkcs1_der(input);
    let _ = PrivateKey::from_pkcs8_der(input);
    if let Ok(text) = str::from_utf8(input) {
        let _ = PublicKey::from_pem(text);
        let _ = PrivateKey::from_pem(text);
    }
}

/// A certificate with everything that is taken from one.
pub(crate) fn certificate(input: &[u8]) {
    static CA: OnceLock<Chain> = OnceLock::new();
    let chain = CA.get_or_init(|| chain(CHAIN));
    let Ok(certificate) = Certificate::from_der(input) else {
        return;
    };
    assert_eq!(certificate.der(), input);
    let _ = certificate.public_key();
    let _ = (
        certificate.subject(),
        certificate.issuer(),
        certificate.san(),
    );
    let names = certificate.subject_alternative_names();
    assert!(certificate.san().is_none_or(|san| names == [san]));
    let _ = (fulcio::issuer(&certificate), fulcio::all(&certificate));
    let _ = SctList::from_certificate(&certificate);
    if let Ok(tbs) = precert_tbs(&certificate) {
        assert!(tbs.len() <= input.len());
    }
    let _ = chain.verify_leaf(
        &certificate,
        Time::from_unix(1_800_000_000),
        Purpose::CodeSigning,
    );
    let _ = Chain::new(std::slice::from_ref(&certificate));
    let again = Certificate::from_pem(&certificate.to_pem());
    assert_eq!(again.as_ref(), Ok(&certificate));
}

/// A list of SCTs is written as it was read.
pub(crate) fn sct(input: &[u8]) {
    if let Ok(list) = SctList::from_extension(input) {
        let written = SctList::to_list_extension(list.as_slice());
        assert_eq!(written.as_deref(), Ok(input));
        for sct in list.as_slice() {
            let _ = sct.digitally_signed();
        }
    }
}

/// A signed message, checked with each certificate that it embeds.
pub(crate) fn cms(input: &[u8]) {
    let Ok(message) = SignedData::from_der(input) else {
        return;
    };
    let content = message.content().unwrap_or_default();
    for certificate in message.certificates() {
        let _ = message.verify(content, certificate);
    }
}

/// A reply, or a token alone.
pub(crate) fn timestamp(input: &[u8]) {
    static TSA: OnceLock<Chain> = OnceLock::new();
    let chain = TSA.get_or_init(|| chain(TSA_CHAIN));
    let read = [
        TimestampToken::from_response(input),
        TimestampToken::from_der(input),
    ];
    for token in read.into_iter().flatten() {
        let _ = (token.gen_time().to_string(), token.serial_hex());
        let stranger = token.verify(b"the message", chain);
        assert!(stranger.is_err(), "nobody has the key of this chain");
    }
}

/// A request is read back from what is written of it.
pub(crate) fn timestamp_request(input: &[u8]) {
    if let Ok(request) = TimestampRequest::parse(input) {
        let written = request.to_der().unwrap_or_default();
        assert_eq!(TimestampRequest::parse(&written).as_ref(), Ok(&request));
    }
}
