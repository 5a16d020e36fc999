use signhere_pki::{
    cert::Certificate,
    chain::{Chain, ChainError},
    cms::CmsError,
    digest::{HashAlgorithm, sha256},
    key::PrivateKey,
    tsp::{TimestampToken, TspError},
};

use crate::{
    make::{
        AT, CODE_SIGNING, Parts, SHA256, TIME_STAMPING, extension, hex, key, name, octets, purpose,
        replaced, seq, tlv,
    },
    messages::{CONTENT_TYPE, MESSAGE_DIGEST, Message, attribute},
};

const TST_INFO: &str = "060b2a864886f70d0109100104";
const SIGNING_CERTIFICATE: &str = "060b2a864886f70d010910020c";
const SIGNING_CERTIFICATE_V2: &str = "060b2a864886f70d010910022f";
const SHA1: &str = "06052b0e03021a";
const SHA512: &str = "0609608648016503040203";
const MESSAGE: &[u8] = b"what is stamped";

/// TSTInfo's parts, each in DER.
#[derive(Clone)]
struct Info {
    version: Vec<u8>,
    imprint: Vec<u8>,
    serial: Vec<u8>,
    time: Vec<u8>,
    rest: Vec<u8>,
}

impl Info {
    fn good() -> Self {
        Self {
            version: hex("020101"),
            imprint: imprint(&hex(SHA256), &sha256(MESSAGE)),
            serial: hex("020105"),
            time: tlv(0x18, &[b"20300101000000Z"]),
            rest: Vec::new(),
        }
    }

    fn to_der(&self) -> Vec<u8> {
        let policy = hex("06032a0304");
        seq(&[
            &self.version,
            &policy,
            &self.imprint,
            &self.serial,
            &self.time,
            &self.rest,
        ])
    }
}

fn imprint(algorithm: &[u8], digest: &[u8]) -> Vec<u8> {
    seq(&[&seq(&[algorithm]), &octets(digest)])
}

struct Authority {
    key: PrivateKey,
    certificate: Certificate,
    ca: PrivateKey,
    root: Certificate,
}

impl Authority {
    fn new() -> Self {
        let (key, ca) = (key(), key());
        let stamping = extension("0603551d25", true, &seq(&[&hex(TIME_STAMPING)]));
        Self {
            certificate: Parts::leaf(&key, &[stamping]).certificate(&ca),
            root: Parts::root(&ca).certificate(&ca),
            key,
            ca,
        }
    }

    fn message(&self, info: &[u8]) -> Message {
        let mut message = Message::new(TST_INFO, info, &self.certificate);
        let id = seq(&[&octets(&sha256(self.certificate.der()))]);
        message.attributes.push(signing_certificate_v2(&id));
        message
    }

    fn verify(&self, message: &Message) -> Result<(), TspError> {
        let token = TimestampToken::from_der(&message.sign(&self.key))?;
        let chain = Chain::new(std::slice::from_ref(&self.root)).unwrap();
        let verified = token.verify(MESSAGE, &chain)?;
        assert_eq!(verified.time, AT);
        Ok(())
    }

    /// The verdict on a timestamp once its TSTInfo is changed.
    fn stamp(&self, change: impl FnOnce(&mut Info)) -> Result<(), TspError> {
        let mut info = Info::good();
        change(&mut info);
        self.verify(&self.message(&info.to_der()))
    }

    /// The verdict with these attributes about the certificate.
    fn with(&self, attributes: &[Vec<u8>]) -> Result<(), TspError> {
        let mut message = self.message(&Info::good().to_der());
        message.attributes.truncate(2);
        message.attributes.extend_from_slice(attributes);
        self.verify(&message)
    }
}

fn signing_certificate_v2(ids: &[u8]) -> Vec<u8> {
    attribute(SIGNING_CERTIFICATE_V2, &[&seq(&[&seq(&[ids])])])
}

fn malformed(verdict: &Result<(), TspError>) -> bool {
    matches!(verdict, Err(TspError::Malformed(_)))
}

#[test]
fn times_of_odd_forms_are_not_read() {
    let authority = Authority::new();
    assert_eq!(authority.stamp(|_| ()), Ok(()));
    let fraction = tlv(0x18, &[b"20300101000000.5Z"]);
    assert_eq!(authority.stamp(|info| info.time = fraction), Ok(()));

    let generalized = [
        "20300101000000",
        "20300101000000+0000",
        "20300101010000+0100",
        "20300101000000z",
        "2030010100Z",
        "203001010000Z",
        "20291231235960Z",
        "20291231240000Z",
        "20300101000000,5Z",
        "20300101000000.0Z",
        "20300101000000.Z",
        "20300101000000Z\0",
        "20300101000000ZZ",
        "00000101000000Z",
        "19691231235959Z",
    ];
    for text in generalized {
        let time = tlv(0x18, &[text.as_bytes()]);
        let verdict = authority.stamp(|info| info.time = time);
        assert!(malformed(&verdict), "{text}: {verdict:?}");
    }
    let utc = tlv(0x17, &[b"300101000000Z"]);
    assert!(malformed(&authority.stamp(|info| info.time = utc)));
}

#[test]
fn an_imprint_is_of_a_known_hash_as_long_as_it_is() {
    let authority = Authority::new();
    let verdict = |algorithm: &[u8], digest: &[u8]| {
        let imprint = imprint(algorithm, digest);
        authority.stamp(|info| info.imprint = imprint)
    };
    let with = |parameters: &str| [hex(SHA256), hex(parameters)].concat();
    assert_eq!(verdict(&with("0500"), &sha256(MESSAGE)), Ok(()));
    let sha512 = HashAlgorithm::Sha512.digest(MESSAGE);
    assert_eq!(verdict(&hex(SHA512), sha512.as_bytes()), Ok(()));

    for parameters in ["020100", "3000", "040100"] {
        let refused = verdict(&with(parameters), &sha256(MESSAGE));
        assert!(matches!(refused, Err(TspError::Imprint(_))), "{parameters}");
    }
    let lengths: [(&str, &[u8]); 5] = [
        (SHA256, &[]),
        (SHA256, &sha256(MESSAGE)[..31]),
        (SHA512, &sha256(MESSAGE)),
        (SHA256, sha512.as_bytes()),
        (SHA1, &[0; 20]),
    ];
    for (algorithm, digest) in lengths {
        let refused = verdict(&hex(algorithm), digest);
        assert!(matches!(refused, Err(TspError::Imprint(_))), "{algorithm}");
    }
    let refused = verdict(&hex(SHA256), &sha256(b"another"));
    assert!(matches!(refused, Err(TspError::ImprintMismatch { .. })));
}

#[test]
fn nothing_is_left_over_or_out_of_place_in_what_is_signed() {
    let authority = Authority::new();
    // accuracy, ordering, nonce, tsa, and an extension that is not critical
    let parts = [
        "3003020101",
        "0101ff",
        "020109",
        "a004a4023000",
        "a109300706032a03040400",
    ];
    let rest = hex(&parts.concat());
    assert_eq!(authority.stamp(|info| info.rest = rest), Ok(()));
    for rest in ["0500", "0201090101ff", "020200ff0500", "a1020500", "010101"] {
        let rest = hex(rest);
        let verdict = authority.stamp(|info| info.rest = rest.clone());
        assert!(malformed(&verdict), "{rest:x?}: {verdict:?}");
    }
    let critical = hex("a10c300a06032a03040101ff0400");
    let verdict = authority.stamp(|info| info.rest = critical);
    assert!(matches!(verdict, Err(TspError::CriticalExtension { .. })));
    for version in ["020100", "020102", "0201ff"] {
        let verdict = authority.stamp(|info| info.version = hex(version));
        assert_eq!(verdict, Err(TspError::Version));
    }
    let trailing = [Info::good().to_der(), vec![0]].concat();
    assert!(malformed(&authority.verify(&authority.message(&trailing))));
}

#[test]
fn a_token_holds_what_it_signs() {
    let authority = Authority::new();
    let mut detached = authority.message(&Info::good().to_der());
    detached.content.clear();
    assert_eq!(authority.verify(&detached), Err(TspError::NoToken));

    let data = "06092a864886f70d010701";
    let mut other = authority.message(&Info::good().to_der());
    other.content_type = hex(data);
    let verdict = authority.verify(&other);
    assert!(matches!(verdict, Err(TspError::ContentType { .. })));
    // Signed as plain data, and then called a timestamp.
    let mut disguised = authority.message(&Info::good().to_der());
    disguised.attributes[0] = attribute(CONTENT_TYPE, &[&hex(data)]);
    let verdict = authority.verify(&disguised);
    let content_type = matches!(verdict, Err(TspError::Cms(CmsError::ContentType { .. })));
    assert!(content_type, "{verdict:?}");
    // A content of another time beside the digest of the one that was signed.
    let mut info = Info::good();
    info.time = tlv(0x18, &[b"20290101000000Z"]);
    let mut moved = authority.message(&info.to_der());
    let digest = octets(&sha256(&Info::good().to_der()));
    moved.attributes[1] = attribute(MESSAGE_DIGEST, &[&digest]);
    let verdict = authority.verify(&moved);
    let digest = matches!(verdict, Err(TspError::Cms(CmsError::MessageDigest { .. })));
    assert!(digest, "{verdict:?}");
}

#[test]
fn the_certificate_that_is_meant_is_the_one_that_signed() {
    let authority = Authority::new();
    let der = authority.certificate.der();
    let v2 = |parts: &[&[u8]]| signing_certificate_v2(&seq(parts));
    let algorithm = |oid: &str| seq(&[&hex(oid)]);
    let sha512 = HashAlgorithm::Sha512.digest(der);
    let issuer_serial =
        |issuer: &[u8], serial: &str| seq(&[&seq(&[&tlv(0xa4, &[issuer])]), &hex(serial)]);
    let (hash, right) = (octets(&sha256(der)), issuer_serial(&name("root"), "020107"));
    for good in [
        v2(&[&hash]),
        v2(&[&hash, &right]),
        v2(&[&algorithm(SHA512), &octets(sha512.as_bytes()), &right]),
        // Further certificates are those above.
        signing_certificate_v2(&[seq(&[&hash]), seq(&[&octets(&[0; 32])])].concat()),
    ] {
        assert_eq!(authority.with(&[good]), Ok(()));
    }

    let other = octets(&sha256(b"another"));
    let wrong = [
        v2(&[&other]),
        v2(&[&octets(&[])]),
        v2(&[&octets(&sha256(der)[..20])]),
        // The digest of one algorithm under the name of another.
        v2(&[&algorithm(SHA512), &hash]),
        v2(&[&octets(sha512.as_bytes())]),
        v2(&[&algorithm(SHA1), &hash]),
        v2(&[&algorithm(SHA1), &octets(&[0; 20])]),
        v2(&[&hash, &issuer_serial(&name("root"), "020108")]),
        v2(&[&hash, &issuer_serial(&name("another"), "020107")]),
        signing_certificate_v2(&[seq(&[&other]), seq(&[&hash])].concat()),
        // ESSCertID is of SHA-1 alone.
        attribute(SIGNING_CERTIFICATE, &[&seq(&[&seq(&[&seq(&[&hash])])])]),
    ];
    for attribute in &wrong {
        let verdict = authority.with(std::slice::from_ref(attribute));
        assert_eq!(verdict, Err(TspError::SigningCertificate));
    }
    // Either attribute can refuse, whatever the other says.
    let old = wrong.last().unwrap().clone();
    let verdict = authority.with(&[v2(&[&hash]), old]);
    assert_eq!(verdict, Err(TspError::SigningCertificate));
    assert!(malformed(&authority.with(&[signing_certificate_v2(&[])])));
    let missing = CmsError::MissingAttribute {
        oid: der::Decode::from_der(&hex(SIGNING_CERTIFICATE_V2)).unwrap(),
    };
    assert_eq!(authority.with(&[]), Err(missing.into()));
}

#[test]
fn who_signs_is_decided_by_the_chain_not_by_what_is_embedded() {
    let authority = Authority::new();
    let good = authority.message(&Info::good().to_der());
    let eve = key();
    // The same names and number on a key of our own, before and after the real certificate.
    let stamping = extension("0603551d25", true, &seq(&[&hex(TIME_STAMPING)]));
    let twin = Parts::leaf(&eve, std::slice::from_ref(&stamping)).certificate(&eve);
    let id = seq(&[&octets(&sha256(twin.der()))]);
    for position in [0, 1] {
        let mut message = good.clone();
        message.attributes[2] = signing_certificate_v2(&id);
        message.certificates.insert(position, twin.der().to_vec());
        let forged = TimestampToken::from_der(&message.sign(&eve)).unwrap();
        let chain = Chain::new(std::slice::from_ref(&authority.root)).unwrap();
        let verdict = forged.verify(MESSAGE, &chain);
        let refused = matches!(
            verdict,
            Err(TspError::SigningCertificate | TspError::Chain(ChainError::SignatureInvalid { .. }))
        );
        assert!(refused, "{verdict:?}");
    }
    // A leaf of the same CA that is for something else.
    let signer = Authority {
        certificate: Parts::leaf(&eve, &[purpose(CODE_SIGNING)]).certificate(&authority.ca),
        key: eve,
        ca: authority.ca.clone(),
        root: authority.root.clone(),
    };
    let verdict = signer.verify(&signer.message(&Info::good().to_der()));
    let purpose = matches!(verdict, Err(TspError::Chain(ChainError::MissingEku { .. })));
    assert!(purpose, "{verdict:?}");
}

#[test]
fn no_signed_byte_can_change() {
    let authority = Authority::new();
    let good = authority
        .message(&Info::good().to_der())
        .sign(&authority.key);
    let chain = Chain::new(std::slice::from_ref(&authority.root)).unwrap();
    let verify =
        |der: &[u8]| TimestampToken::from_der(der).and_then(|token| token.verify(MESSAGE, &chain));
    assert!(verify(&good).is_ok());
    let earlier = replaced(&good, b"20300101000000Z", b"20290101000000Z");
    let verdict = verify(&earlier);
    assert!(matches!(
        verdict,
        Err(TspError::Cms(CmsError::MessageDigest { .. }))
    ));
}

#[test]
fn the_words_of_a_refusal_do_not_steer_the_terminal() {
    let text = tlv(0x0c, &["\x1b[2Jverified\r\u{202e}".as_bytes()]);
    let reply = seq(&[&seq(&[&hex("020102"), &seq(&[&text])])]);
    let refusal = TimestampToken::from_response(&reply).map(drop).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        r#"refused with status 2: "\u{1b}[2Jverified\r\u{202e}""#
    );
}
