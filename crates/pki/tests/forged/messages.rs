use der::asn1::ObjectIdentifier;
use signhere_pki::{
    cert::Certificate,
    cms::{CmsError, SignedData},
    digest::{HashAlgorithm, sha256},
    key::{PrivateKey, Signer},
};

use crate::make::{
    ECDSA_SHA256, Parts, SHA256, email, extension, hex, key, name, octets, replaced, seq, tlv,
};

pub(crate) const CONTENT_TYPE: &str = "06092a864886f70d010903";
pub(crate) const MESSAGE_DIGEST: &str = "06092a864886f70d010904";
const DATA: &str = "06092a864886f70d010701";
const SIGNED_DATA: &str = "06092a864886f70d010702";
const CONTENT: &[u8] = b"what is signed";

pub(crate) fn attribute(oid: &str, values: &[&[u8]]) -> Vec<u8> {
    seq(&[&hex(oid), &tlv(0x31, values)])
}

type Signed = fn(&[u8]) -> Vec<u8>;

/// A signed message's parts.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) content_type: Vec<u8>,
    /// The value that holds the content.
    pub(crate) content: Vec<u8>,
    /// Embedded, in DER.
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) signer_id: Vec<u8>,
    pub(crate) digest_algorithm: Vec<u8>,
    pub(crate) attributes: Vec<Vec<u8>>,
    /// What the signature is over, given the attributes' content.
    pub(crate) signed: Signed,
    pub(crate) signature_algorithm: Vec<u8>,
    pub(crate) after_signature: Vec<u8>,
    pub(crate) signers: usize,
}

impl Message {
    /// A good message by the subject of `certificate`.
    pub(crate) fn new(content_type: &str, content: &[u8], certificate: &Certificate) -> Self {
        let serial = tlv(2, &[certificate.serial()]);
        Self {
            content_type: hex(content_type),
            content: tlv(0xa0, &[&octets(content)]),
            certificates: vec![certificate.der().to_vec()],
            signer_id: seq(&[certificate.issuer_name_der(), &serial]),
            digest_algorithm: seq(&[&hex(SHA256)]),
            attributes: vec![
                attribute(CONTENT_TYPE, &[&hex(content_type)]),
                attribute(MESSAGE_DIGEST, &[&octets(&sha256(content))]),
            ],
            signed: |attributes| tlv(0x31, &[attributes]),
            signature_algorithm: seq(&[&hex(ECDSA_SHA256)]),
            after_signature: Vec::new(),
            signers: 1,
        }
    }

    pub(crate) fn sign(&self, key: &PrivateKey) -> Vec<u8> {
        let attributes = self.attributes.concat();
        let signature = key.sign(&(self.signed)(&attributes)).unwrap();
        let attributes = match self.attributes.is_empty() {
            true => Vec::new(),
            false => tlv(0xa0, &[&attributes]),
        };
        let signer = seq(&[
            &hex("020101"),
            &self.signer_id,
            &self.digest_algorithm,
            &attributes,
            &self.signature_algorithm,
            &octets(&signature),
            &self.after_signature,
        ]);
        let signed_data = seq(&[
            &hex("020103"),
            &tlv(0x31, &[&self.digest_algorithm]),
            &seq(&[&self.content_type, &self.content]),
            &tlv(0xa0, &[&self.certificates.concat()]),
            &tlv(0x31, &[&signer.repeat(self.signers)]),
        ]);
        seq(&[&hex(SIGNED_DATA), &tlv(0xa0, &[&signed_data])])
    }
}

struct Case {
    key: PrivateKey,
    certificate: Certificate,
    message: Message,
}

impl Case {
    fn new() -> Self {
        let key = key();
        let extensions = [
            extension("0603551d0e", false, &octets(b"key id")),
            crate::make::alternative_names(&[&email("ada@example.test")]),
        ];
        let certificate = Parts::leaf(&key, &extensions).certificate(&key);
        Self {
            message: Message::new(DATA, CONTENT, &certificate),
            key,
            certificate,
        }
    }

    /// The verdict on the message once it is changed.
    fn verdict(&self, change: impl FnOnce(&mut Message)) -> Result<(), CmsError> {
        let mut message = self.message.clone();
        change(&mut message);
        SignedData::from_der(&message.sign(&self.key))?.verify(CONTENT, &self.certificate)
    }
}

fn oid(der: &str) -> ObjectIdentifier {
    der::Decode::from_der(&hex(der)).unwrap()
}

#[test]
fn either_way_to_name_the_signer_counts_and_no_other_signer_does() {
    let case = Case::new();
    assert_eq!(case.verdict(|_| ()), Ok(()));
    let by_key_id = |id: &[u8]| {
        let signer_id = tlv(0x80, &[id]);
        case.verdict(|message| message.signer_id = signer_id)
    };
    assert_eq!(by_key_id(b"key id"), Ok(()));
    for id in [&b"key i"[..], b"key id\0", b""] {
        assert_eq!(by_key_id(id), Err(CmsError::OtherSigner));
    }
    let others = [
        (name("root"), "020108"),
        (name("root"), "020100"),
        (name("Root"), "020107"),
        (seq(&[]), "020107"),
    ];
    for (issuer, serial) in others {
        let signer_id = seq(&[&issuer, &hex(serial)]);
        let verdict = case.verdict(|message| message.signer_id = signer_id);
        assert_eq!(verdict, Err(CmsError::OtherSigner));
    }
}

#[test]
fn a_signer_without_a_key_id_is_not_named_by_an_empty_one() {
    let key = key();
    let certificate = Parts::leaf(&key, &[]).certificate(&key);
    let message = Message {
        signer_id: hex("8000"),
        ..Message::new(DATA, CONTENT, &certificate)
    };
    let signed = SignedData::from_der(&message.sign(&key)).unwrap();
    let verdict = signed.verify(CONTENT, &certificate);
    assert_eq!(verdict, Err(CmsError::OtherSigner));
}

#[test]
fn the_attributes_are_signed_as_a_set_and_as_nothing_else() {
    let case = Case::new();
    let others: [Signed; 5] = [
        |attributes| tlv(0xa0, &[attributes]),
        |attributes| tlv(0x30, &[attributes]),
        <[u8]>::to_vec,
        |_| CONTENT.to_vec(),
        |_| Vec::new(),
    ];
    for signed in others {
        let verdict = case.verdict(|message| message.signed = signed);
        assert_eq!(verdict, Err(CmsError::SignatureInvalid));
    }
}

#[test]
fn a_signature_on_the_content_alone_does_not_count() {
    let case = Case::new();
    let verdict = case.verdict(|message| {
        message.attributes.clear();
        message.signed = |_| CONTENT.to_vec();
    });
    let oid = oid(CONTENT_TYPE);
    assert_eq!(verdict, Err(CmsError::MissingAttribute { oid }));
}

#[test]
fn attributes_are_there_once_with_one_value() {
    let case = Case::new();
    let value = octets(&sha256(CONTENT));
    for (position, name) in [CONTENT_TYPE, MESSAGE_DIGEST].into_iter().enumerate() {
        let oid = oid(name);
        let verdict = case.verdict(|message| drop(message.attributes.remove(position)));
        assert_eq!(verdict, Err(CmsError::MissingAttribute { oid }));
        let twice = attribute(name, &[&octets(b"another")]);
        let verdict = case.verdict(|message| message.attributes.push(twice));
        assert_eq!(verdict, Err(CmsError::Attribute { oid }));
        for values in [&[][..], &[&value[..], &value]] {
            let other = attribute(name, values);
            let verdict = case.verdict(|message| message.attributes[position] = other);
            assert_eq!(verdict, Err(CmsError::Attribute { oid }));
        }
    }
    // Not a set, not an octet string, not an object identifier.
    for (position, other) in [
        (0, seq(&[&hex(CONTENT_TYPE), &seq(&[&hex(DATA)])])),
        (0, attribute(CONTENT_TYPE, &[&octets(&hex(DATA))])),
        (
            1,
            attribute(MESSAGE_DIGEST, &[&tlv(0x0c, &[&sha256(CONTENT)])]),
        ),
        (1, attribute(MESSAGE_DIGEST, &[&tlv(0x24, &[&value])])),
    ] {
        let verdict = case.verdict(|message| message.attributes[position] = other);
        assert!(
            matches!(verdict, Err(CmsError::Malformed(_))),
            "{verdict:?}"
        );
    }
}

#[test]
fn what_is_signed_is_this_content_of_this_type() {
    let case = Case::new();
    let verdict = case.verdict(|message| message.content_type = hex(SIGNED_DATA));
    let (expected, found) = (oid(SIGNED_DATA), oid(DATA));
    assert_eq!(verdict, Err(CmsError::ContentType { expected, found }));

    let found = HashAlgorithm::Sha256.digest(CONTENT);
    let empty: &[u8] = &[];
    let long = [7; 65];
    for digest in [
        &sha256(b"another")[..],
        &sha256(CONTENT)[..31],
        empty,
        &long,
    ] {
        let other = attribute(MESSAGE_DIGEST, &[&octets(digest)]);
        let verdict = case.verdict(|message| message.attributes[1] = other);
        let more = if digest.len() == 65 { "..." } else { "" };
        let expected = format!(
            "sha256:{}{more}",
            hex::encode(&digest[..digest.len().min(64)])
        );
        assert_eq!(verdict, Err(CmsError::MessageDigest { expected, found }));
    }
}

#[test]
fn algorithms_are_those_we_know_with_the_key_at_hand() {
    let case = Case::new();
    let digests = ["300706052b0e03021a", "300b0609608648016503040204"]; // SHA-1, SHA-224
    let odd_parameters = hex::encode(seq(&[&hex(SHA256), &hex("020100")]));
    for digest in [digests[0], digests[1], &odd_parameters] {
        let verdict = case.verdict(|message| message.digest_algorithm = hex(digest));
        assert!(matches!(verdict, Err(CmsError::DigestAlgorithm { .. })));
    }
    // RSA with SHA-256, RSA alone, Ed25519, ECDSA with SHA-1.
    let signatures = [
        "06092a864886f70d01010b",
        "06092a864886f70d010101",
        "06032b6570",
        "06072a8648ce3d0401",
    ];
    for signature in signatures {
        let algorithm = seq(&[&hex(signature)]);
        let verdict = case.verdict(|message| message.signature_algorithm = algorithm);
        let found = oid(signature);
        assert_eq!(verdict, Err(CmsError::SignatureAlgorithm { found }));
    }
}

#[test]
fn there_is_exactly_one_signer() {
    let case = Case::new();
    for signers in [0, 2, 3] {
        let verdict = case.verdict(|message| message.signers = signers);
        assert_eq!(verdict, Err(CmsError::Signers));
    }
}

#[test]
fn forms_that_der_does_not_have_are_not_read() {
    let case = Case::new();
    let good = case.message.sign(&case.key);
    let content = octets(CONTENT);
    let constructed = tlv(0x24, &[&content]);
    let indefinite = [&[0x24, 0x80], &content[..], &[0, 0]].concat();
    let mut forms: Vec<Vec<u8>> = vec![[&good[..], &[0]].concat()];
    for content in [
        constructed,
        indefinite,
        seq(&[]),
        [&content[..], &[5, 0]].concat(),
    ] {
        let mut message = case.message.clone();
        message.content = tlv(0xa0, &[&content]);
        forms.push(message.sign(&case.key));
    }
    let mut message = case.message.clone();
    message.after_signature = hex("a2020500");
    forms.push(message.sign(&case.key));
    message.after_signature = hex("a1020500a1020500");
    forms.push(message.sign(&case.key));
    forms.push(replaced(&good, &hex("020103"), &hex("02020003")));
    for form in forms {
        let refused = SignedData::from_der(&form).unwrap_err();
        assert!(matches!(refused, CmsError::Malformed(_)), "{refused}");
    }
    let mut message = case.message.clone();
    message.certificates.push(hex("a1020500"));
    let refused = SignedData::from_der(&message.sign(&case.key)).unwrap_err();
    assert!(matches!(refused, CmsError::Certificate(_)), "{refused}");
}
