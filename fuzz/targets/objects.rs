//! Commits and tags, and the signatures in them.

use std::sync::OnceLock;

use signhere_git::armor::{Armor, SignatureKind};
use signhere_git::cms::{GitSignature, entry};
use signhere_git::object::{Object, ObjectKind};
use signhere_git::verdict::Outcome;
use signhere_git::verifier::GitVerifier;
use signhere_pki::cert::San;
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verifier::Verifier;

/// The trusted root of the objects in `corpus/git-verify`, and whose they are.
const TRUSTED_ROOT: &[u8] = include_bytes!("../trusted_root-git.json");
const IDENTITY: &str = "ada@example.test";

pub(crate) const OBJECT_TOKENS: &[&str] = &[
    "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n",
    "parent ",
    "author ",
    "committer ",
    "tagger ",
    " <ada@example.test> 1780315200 +0000\n",
    "gpgsig ",
    "gpgsig-sha256 ",
    "mergetag ",
    "object ",
    "type commit\n",
    "type tag\n",
    "tag v1\n",
    "encoding ",
    "\n ",
    "\n\n",
    "\r\n",
    "-----BEGIN SIGNED MESSAGE-----\n",
    "-----END SIGNED MESSAGE-----\n",
    "-----BEGIN PGP SIGNATURE-----\n",
    "-----BEGIN SSH SIGNATURE-----\n",
    "commit 12\0",
];

pub(crate) const ARMOR_TOKENS: &[&str] = &[
    "-----BEGIN SIGNED MESSAGE-----\n",
    "-----END SIGNED MESSAGE-----\n",
    "-----BEGIN PGP SIGNATURE-----\n",
    "-----BEGIN PGP MESSAGE-----\n",
    "-----END PGP SIGNATURE-----\n",
    "-----BEGIN SSH SIGNATURE-----\n",
    "\n\n",
    "=",
    "AAAA",
];

pub(crate) const DER_TOKENS: &[&str] = &[
    "\x30\x00",
    "\x31\x00",
    "\x04\x00",
    "\x02\x01\x00",
    "\x06\x0a\x2b\x06\x01\x04\x01",
    "\x08\x01",
    "\x12\x00",
    "\x1a\x02",
    "hashedrekord",
    "0.0.1",
    "0.0.2",
];

/// What is parsed is parsed the same again, and its payload is what is left without signatures.
pub(crate) fn object(input: &[u8]) {
    let _ = Object::identify(input);
    let Ok(object) = Object::parse_any(input) else {
        return;
    };
    let again = Object::parse(object.kind(), object.bytes());
    assert_eq!(again.as_ref(), Ok(&object));
    let named = Object::identify(object.bytes());
    assert_eq!(named, Some((object.kind(), object.id())));
    let payload = object.payload();
    assert!(payload.len() <= object.bytes().len());
    if object.own_signature().is_none() && object.kind() == ObjectKind::Tag {
        assert!(object.message().len() <= payload.len());
    }
    // A commit without its signatures is a commit, and has none.
    if object.kind() == ObjectKind::Commit {
        let bare = Object::parse(ObjectKind::Commit, payload.as_ref());
        let bare = bare.unwrap_or_else(|error| panic!("the payload is no commit: {error}"));
        assert_eq!(bare.payload(), payload);
        assert_eq!(bare.own_signature(), None);
        assert_eq!(bare.mergetags(), object.mergetags());
        assert_eq!(bare.author(), object.author());
    }
    for tag in object.mergetags() {
        assert!(tag.len() <= object.bytes().len());
        let _ = Object::parse(ObjectKind::Tag, tag.as_slice());
    }
}

/// An armor that is read has one spelling.
pub(crate) fn armor(input: &[u8]) {
    let kind = Armor::classify(input);
    if let Ok(der) = Armor::decode(input) {
        assert_eq!(kind, SignatureKind::X509);
        let written = Armor::encode(&der);
        assert!(input.starts_with(written.trim_end().as_bytes()));
        assert!(input.len() <= written.len() + 1);
    }
}

/// Nothing is signed by what was never used to sign, and what is embedded can be written.
pub(crate) fn signature(input: &[u8]) {
    let Ok(signature) = GitSignature::from_der(input) else {
        return;
    };
    assert!(signature.verify(b"what nobody has signed").is_err());
    if let Ok(entries) = signature.log_entries() {
        for entry in &entries {
            assert!(entry::to_attribute(entry).is_ok());
        }
    }
    if let Ok(bundle) = signature.bundle() {
        assert_eq!(bundle.signature(), signature.signature());
        assert_eq!(bundle.certificate(), Some(signature.certificate()));
    }
}

/// What comes out as proven was signed by the one who signs here, and is not proven of anything else.
pub(crate) fn verify(input: &[u8]) {
    static VERIFIER: OnceLock<GitVerifier> = OnceLock::new();
    let verifier = VERIFIER.get_or_init(|| {
        let root = TrustedRoot::parse(TRUSTED_ROOT);
        let root = root.unwrap_or_else(|error| panic!("the trusted root: {error}"));
        let verifier = Verifier::new(root);
        GitVerifier::new(verifier.unwrap_or_else(|error| panic!("the trusted root: {error}")))
    });
    let Ok(object) = Object::parse_any(input) else {
        return;
    };
    let verdict = verifier.verify(&object, None);
    assert_eq!(
        verdict.steps().is_some(),
        verdict.outcome == Outcome::Proven
    );
    if let Some(evidence) = &verdict.evidence {
        assert_eq!(evidence.checks().len(), 8);
    }
    if verdict.outcome == Outcome::Proven {
        let evidence = verdict.evidence.as_deref();
        let names = evidence.map(|evidence| evidence.certificate.subject_alternative_names());
        assert_eq!(names, Some(vec![San::Email(IDENTITY.to_owned())]));
        let armor = object.own_signature().unwrap_or_default();
        let other = [&object.payload()[..], b"x"].concat();
        let other = verifier.verify_signature(armor, &other, None);
        assert_ne!(other.outcome, Outcome::Proven);
    }
    let _ = verifier.verify_embedded(&object, None);
}
