//! Bytes that nobody should send: each refused for its reason, none a panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::Path};

use der::{
    Encode, Header, Length, Tag, TagNumber,
    asn1::{ContextSpecific, ObjectIdentifier},
};
use proptest::prelude::*;
use signhere_pki::{
    cert::{Certificate, CertificateError, MAX_CERTIFICATE_LEN, MAX_EXTENSIONS},
    cms::{CmsError, MAX_MESSAGE_LEN, SignedData},
    pem,
    sct::{MAX_SCTS, SctError, SctList},
    tsp::{MAX_RESPONSE_LEN, TimestampRequest, TimestampToken, TspError},
};

fn tlv(tag: Tag, content: &[u8]) -> Vec<u8> {
    let header = Header::new(tag, Length::try_from(content.len()).unwrap());
    [header.to_der().unwrap(), content.to_vec()].concat()
}

fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let number = TagNumber(number);
    tlv(
        Tag::ContextSpecific {
            constructed: true,
            number,
        },
        content,
    )
}

fn oid(text: &str) -> Vec<u8> {
    ObjectIdentifier::new_unwrap(text).to_der().unwrap()
}

fn extension(id: &str, critical: &[u8]) -> Vec<u8> {
    tlv(
        Tag::Sequence,
        &[oid(id), critical.to_vec(), tlv(Tag::OctetString, b"x")].concat(),
    )
}

/// A certificate in form, with whatever is to be wrong with it.
struct Form {
    version: Vec<u8>,
    inner_algorithm: &'static str,
    after_key: Vec<u8>,
    extensions: Vec<u8>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            version: field(0, &[2, 1, 2]),
            inner_algorithm: "1.2.840.10045.4.3.2",
            after_key: Vec::new(),
            extensions: extension("1.2.3", &[]),
        }
    }
}

impl Form {
    fn parse(&self) -> Result<Certificate, CertificateError> {
        let name = tlv(Tag::Sequence, &[]);
        let time = tlv(Tag::UtcTime, b"260101000000Z");
        let tbs = [
            self.version.clone(),
            vec![2, 1, 1],
            tlv(Tag::Sequence, &oid(self.inner_algorithm)),
            name.clone(),
            tlv(Tag::Sequence, &[time.clone(), time].concat()),
            name,
            tlv(Tag::Sequence, &[]),
            self.after_key.clone(),
            field(3, &tlv(Tag::Sequence, &self.extensions)),
        ]
        .concat();
        let certificate = [
            tlv(Tag::Sequence, &tbs),
            tlv(Tag::Sequence, &oid("1.2.840.10045.4.3.2")),
            tlv(Tag::BitString, &[0, 1]),
        ]
        .concat();
        Certificate::from_der(&tlv(Tag::Sequence, &certificate))
    }
}

#[test]
fn a_certificate_is_refused_for_its_reason() {
    let form = Form::default;
    assert!(form().parse().is_ok());
    let version_1 = Form {
        version: Vec::new(),
        ..form()
    };
    assert_eq!(version_1.parse(), Err(CertificateError::Version));
    let version_2 = Form {
        version: field(0, &[2, 1, 1]),
        ..form()
    };
    assert_eq!(version_2.parse(), Err(CertificateError::Version));
    let mixed = Form {
        inner_algorithm: "1.2.840.10045.4.3.3",
        ..form()
    };
    assert_eq!(mixed.parse(), Err(CertificateError::AlgorithmMismatch));
    let twice = Form {
        extensions: [extension("1.2.3", &[]), extension("1.2.3", &[])].concat(),
        ..form()
    };
    let id = ObjectIdentifier::new_unwrap("1.2.3");
    assert_eq!(
        twice.parse(),
        Err(CertificateError::DuplicateExtension { oid: id })
    );
    let many = Form {
        extensions: (0..=MAX_EXTENSIONS)
            .flat_map(|arc| extension(&format!("1.2.{arc}"), &[]))
            .collect(),
        ..form()
    };
    assert_eq!(many.parse(), Err(CertificateError::TooManyExtensions));
    // X.690 section 11.5: a default value is not encoded.
    let explicit_false = Form {
        extensions: extension("1.2.3", &[1, 1, 0]),
        ..form()
    };
    assert!(matches!(
        explicit_false.parse(),
        Err(CertificateError::Malformed(_))
    ));
    // RFC 5280 section 4.1.2.8: no unique identifiers.
    let unique_id = ContextSpecific {
        tag_number: TagNumber(1),
        tag_mode: der::TagMode::Implicit,
        value: der::asn1::BitStringRef::from_bytes(&[1]).unwrap(),
    };
    let unique = Form {
        after_key: unique_id.to_der().unwrap(),
        ..form()
    };
    assert!(matches!(
        unique.parse(),
        Err(CertificateError::Malformed(_))
    ));

    let found = MAX_CERTIFICATE_LEN + 1;
    let too_long = CertificateError::TooLong {
        found,
        max: MAX_CERTIFICATE_LEN,
    };
    assert_eq!(Certificate::from_der(&vec![0x30; found]), Err(too_long));
    assert_eq!(Certificate::from_pem(""), Err(CertificateError::Pem));
    assert_eq!(
        Certificate::list_from_pem("no block"),
        Err(CertificateError::Pem)
    );
}

#[test]
fn a_list_of_scts_is_refused_for_its_reason() {
    let vector =
        |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let value = |list: &[u8]| tlv(Tag::OctetString, &vector(list));
    let sct = vector(
        &[
            &[0; 41],
            vector(&[]).as_slice(),
            &[4, 3],
            &vector(b"signature"),
        ]
        .concat(),
    );

    assert_eq!(
        SctList::from_extension(&value(&sct))
            .unwrap()
            .as_slice()
            .len(),
        1
    );
    let most = sct.repeat(MAX_SCTS);
    assert_eq!(
        SctList::from_extension(&value(&most))
            .unwrap()
            .as_slice()
            .len(),
        MAX_SCTS
    );
    let too_many = sct.repeat(MAX_SCTS + 1);
    assert_eq!(
        SctList::from_extension(&value(&too_many)),
        Err(SctError::TooMany)
    );
    assert_eq!(
        SctList::from_extension(&value(&[])),
        Err(SctError::Malformed)
    );
    let trailing = tlv(Tag::OctetString, &[vector(&sct), vec![0]].concat());
    assert_eq!(SctList::from_extension(&trailing), Err(SctError::Malformed));
    let mut version_2 = sct;
    version_2[2] = 1;
    assert_eq!(
        SctList::from_extension(&value(&version_2)),
        Err(SctError::Version)
    );
}

#[test]
fn a_message_or_reply_that_is_too_long_is_not_read() {
    assert_eq!(
        SignedData::from_der(&vec![0x30; MAX_MESSAGE_LEN + 1]).map(drop),
        Err(CmsError::TooLong {
            found: MAX_MESSAGE_LEN + 1,
            max: MAX_MESSAGE_LEN
        })
    );
    assert_eq!(
        TimestampToken::from_response(&vec![0x30; MAX_RESPONSE_LEN + 1]).map(drop),
        Err(TspError::TooLong {
            found: MAX_RESPONSE_LEN + 1,
            max: MAX_RESPONSE_LEN
        })
    );
}

/// A reply of OpenSSL's, certificates embedded.
fn reply() -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/timestamps/ok-fraction.pem");
    let text = fs::read_to_string(path).unwrap();
    pem::decode_all(&text)
        .unwrap()
        .pop()
        .unwrap()
        .contents
        .to_vec()
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Certificate::from_der(&bytes);
        let _ = SctList::from_extension(&bytes);
        let _ = SignedData::from_der(&bytes);
        let _ = TimestampRequest::parse(&bytes);
        let _ = TimestampToken::from_response(&bytes);
    }

    #[test]
    fn nothing_in_a_mutated_reply_panics(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut reply = reply();
        for (position, byte) in edits {
            let position = position.index(reply.len());
            reply[position] = byte;
        }
        let _ = TimestampToken::from_response(&reply);
    }
}
