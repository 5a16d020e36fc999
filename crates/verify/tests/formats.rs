//! What registries and clients hand out, made from our own bundles: read, verified, and held to its form.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod forge;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_testkit::forge::{
    ARTIFACT, Content, Entry, Forge, Forged, IDENTITY, ISSUER, Keying, Kind, MediaType,
    RootVersion, SIGNED_AT, Stage,
};
use signhere_verify::formats::{Document, Form, RegistryKeys};
use signhere_verify::verdict::{Failure, Reason, StepName};
use signhere_verify::verifier::{Artifact, Policy, Verifier};

use forge::{STATEMENT, V2, identity, verifier};

const PUBLISH: &str = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";
const SLSA: &str = "https://slsa.dev/provenance/v1";
const CONDA: &str = "https://schemas.conda.org/attestations-publish-1.schema.json";
const PACKAGE: &str = "pkg:npm/%40forge/thing@1.2.3";

/// A certificate's attestation as npm's clients make it.
const BUILT: Kind = Kind {
    media_type: MediaType::V0_2,
    content: Content::Dsse,
    entry: Entry::IntotoV002,
    ..Kind::PLAIN
};

/// The same by a key.
const PUBLISHED: Kind = Kind {
    keying: Keying::ManagedKey,
    ..BUILT
};

struct Place {
    forge: Forge,
    verifier: Verifier,
}

impl Place {
    fn new() -> Self {
        let forge = Forge::new();
        let verifier = verifier(&forge.trusted_root(RootVersion::V0_1));
        Self { forge, verifier }
    }

    fn attest(&self, kind: Kind, statement: &Value) -> Forged {
        self.forge.spoiled(kind, |stage| {
            if let Stage::Sign(sign) = stage {
                sign.payload = statement.to_string().into_bytes();
            }
        })
    }

    /// Why each attestation of the document is refused, if it is.
    fn judge(&self, document: &[u8], keys: Option<&Value>, name: &str) -> Vec<Option<Failure>> {
        let digests = HashAlgorithm::ALL.map(|algorithm| algorithm.digest(ARTIFACT));
        let artifact = Artifact::Digests(&digests);
        let document = Document::parse(document).unwrap();
        let judge = |attestation: &signhere_verify::formats::Attestation| {
            let bundle = attestation.bundle.as_ref().unwrap();
            let verdict = match keys.filter(|_| attestation.is_registrys()) {
                Some(keys) => RegistryKeys::parse(keys.to_string().as_bytes())
                    .unwrap()
                    .verify(bundle, |key| {
                        self.verifier
                            .verify(bundle, &artifact, &Policy::Key(key.clone()))
                    }),
                None => self
                    .verifier
                    .verify(bundle, &artifact, &identity(IDENTITY, ISSUER)),
            };
            attestation.hold_to_form(verdict, Some(name)).failure
        };
        document.attestations.iter().map(judge).collect()
    }

    fn reasons(&self, document: &Value, keys: Option<&Value>, name: &str) -> Vec<Option<Reason>> {
        self.judge(document.to_string().as_bytes(), keys, name)
            .into_iter()
            .map(|failure| failure.map(|failure| failure.reason))
            .collect()
    }
}

fn statement(name: &str, digest: Digest, predicate_type: &str, predicate: &Value) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": name, "digest": { digest.algorithm().name(): digest.hex() } }],
        "predicateType": predicate_type,
        "predicate": predicate,
    })
}

fn sha256() -> Digest {
    HashAlgorithm::Sha256.digest(ARTIFACT)
}

fn sha512() -> Digest {
    HashAlgorithm::Sha512.digest(ARTIFACT)
}

/// npm: two attestations, the second by whoever built it.
struct Npm {
    place: Place,
    published: Forged,
    built: Forged,
}

impl Npm {
    fn new() -> Self {
        let place = Place::new();
        let publish = json!({ "name": "@forge/thing", "version": "1.2.3", "registry": "https://registry.example" });
        let published = place.attest(PUBLISHED, &statement(PACKAGE, sha512(), PUBLISH, &publish));
        let built = place.attest(BUILT, &statement(PACKAGE, sha512(), SLSA, &json!({})));
        Self {
            place,
            published,
            built,
        }
    }

    fn document(&self) -> Value {
        json!({ "attestations": [
            { "predicateType": PUBLISH, "bundle": self.published.json },
            { "predicateType": SLSA, "bundle": self.built.json },
        ]})
    }

    /// The keys, as Sigstore's repository lists them, valid from and until then.
    fn keys(&self, start: i64, end: Option<i64>) -> Value {
        let time = |seconds: i64| SIGNED_AT.plus_seconds(seconds).to_string();
        let entry = |forged: &Forged, usage: &str| {
            let mut window = json!({ "start": time(start) });
            if let Some(end) = end {
                window["end"] = json!(time(end));
            }
            json!({ "keyId": "SHA256:any", "keyUsage": usage, "publicKey": {
                "rawBytes": STANDARD.encode(forged.key.spki_der()),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": window,
            }})
        };
        let stranger = Forge::new().bundle(PUBLISHED);
        json!({ "keys": [
            entry(&stranger, "npm:attestations"),
            entry(&self.published, "npm:attestations"),
        ]})
    }

    fn reasons(&self, document: &Value, keys: &Value) -> [Option<Reason>; 2] {
        let reasons = self.place.reasons(document, Some(keys), "thing-1.2.3.tgz");
        reasons.try_into().unwrap()
    }
}

#[test]
fn npm_publishes_with_its_key_and_builders_with_a_certificate() {
    let npm = Npm::new();
    let document = npm.document();
    let keys = npm.keys(-10, None);
    assert_eq!(npm.reasons(&document, &keys), [None, None]);
    let parsed = Document::parse(document.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.form, Form::Npm);
    let registrys: Vec<_> = parsed
        .attestations
        .iter()
        .map(|one| one.is_registrys())
        .collect();
    assert_eq!(registrys, [true, false]);

    // Keys as the registry itself serves them.
    let raw = STANDARD.encode(npm.published.key.spki_der());
    let served = |expires: Value| {
        json!({ "keys": [{ "expires": expires, "keyid": "SHA256:any", "keytype": "ecdsa-sha2-nistp256",
                           "scheme": "ecdsa-sha2-nistp256", "key": raw }] })
    };
    assert_eq!(npm.reasons(&document, &served(Value::Null)), [None, None]);
    let before = json!(SIGNED_AT.plus_seconds(-1).to_string());
    assert_eq!(
        npm.reasons(&document, &served(before)),
        [Some(Reason::KeyWindow), None]
    );
}

#[test]
fn an_npm_key_counts_within_its_validity_only() {
    let npm = Npm::new();
    let document = npm.document();
    for (start, end, expected) in [
        (0, Some(0), None),
        (-10, Some(-1), Some(Reason::KeyWindow)),
        (1, None, Some(Reason::KeyWindow)),
    ] {
        let keys = npm.keys(start, end);
        assert_eq!(npm.reasons(&document, &keys), [expected, None]);
    }
    // Keys of somebody else.
    let other = Npm::new().keys(-10, None);
    assert_eq!(
        npm.reasons(&document, &other),
        [Some(Reason::SignatureInvalid), None]
    );
}

/// Nothing that the document says unsigned is believed over what was signed.
#[test]
fn an_npm_document_is_about_one_package() {
    let npm = Npm::new();
    let keys = npm.keys(-10, None);
    let mut document = npm.document();
    document["attestations"][1]["predicateType"] = json!(PUBLISH);
    assert_eq!(
        npm.reasons(&document, &keys),
        [None, Some(Reason::PredicateMismatch)]
    );
    for (name, predicate, expected) in [
        (
            "pkg:npm/%40forge/thing@1.2.4",
            json!({}),
            Some(Reason::SubjectName),
        ),
        ("pkg:npm/thing@1.2.3", json!({}), Some(Reason::SubjectName)),
        ("thing-1.2.3.tgz", json!({}), Some(Reason::SubjectName)),
        (PACKAGE, json!({ "anything": [1] }), None),
    ] {
        let built = npm
            .place
            .attest(BUILT, &statement(name, sha512(), SLSA, &predicate));
        let mut document = npm.document();
        document["attestations"][1]["bundle"] = built.json;
        assert_eq!(npm.reasons(&document, &keys), [None, expected], "{name}");
    }
    // The registry's own attestation names the package twice.
    for (package, version) in [("@forge/other", "1.2.3"), ("@forge/thing", "1.2.30")] {
        let publish = json!({ "name": package, "version": version });
        let statement = statement(PACKAGE, sha512(), PUBLISH, &publish);
        let mut npm = Npm::new();
        npm.published = npm.place.attest(PUBLISHED, &statement);
        let keys = npm.keys(-10, None);
        assert_eq!(
            npm.reasons(&npm.document(), &keys),
            [Some(Reason::SubjectName), None]
        );
    }
}

/// A v0.3 bundle in the form of PEP 740.
fn pep_740(bundle: &Value) -> Value {
    let material = &bundle["verificationMaterial"];
    json!({
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"],
            "transparency_entries": material["tlogEntries"],
        },
        "envelope": {
            "statement": bundle["dsseEnvelope"]["payload"],
            "signature": bundle["dsseEnvelope"]["signatures"][0]["sig"],
        },
    })
}

fn provenance(attestations: &[Value]) -> Value {
    json!({ "version": 1, "attestation_bundles": [{
        "publisher": { "kind": "GitHub", "repository": "forge/thing", "workflow": "release.yml" },
        "attestations": attestations,
    }]})
}

#[test]
fn pypi_attests_one_file_by_its_name() {
    let place = Place::new();
    let attest = |statement: &Value| pep_740(&place.attest(STATEMENT, statement).json);
    let type_ = "https://docs.pypi.org/attestations/publish/v1";
    let good = attest(&statement(
        "the_thing-1.0-py3-none-any.whl",
        sha256(),
        type_,
        &Value::Null,
    ));
    let name = "The.Thing-1.0-py3-none-any.whl";
    for document in [
        good.clone(),
        provenance(std::slice::from_ref(&good)),
        provenance(&[good.clone(), good.clone()]),
    ] {
        let reasons = place.reasons(&document, None, name);
        assert!(reasons.iter().all(Option::is_none), "{reasons:?}");
    }
    let reasons = |document: &Value, name: &str| place.reasons(document, None, name);
    assert_eq!(
        reasons(&good, "the_thing-1.1-py3-none-any.whl"),
        [Some(Reason::SubjectName)]
    );
    let mut two = statement(
        "the_thing-1.0-py3-none-any.whl",
        sha256(),
        type_,
        &Value::Null,
    );
    let again = two["subject"][0].clone();
    two["subject"].as_array_mut().unwrap().push(again);
    assert_eq!(reasons(&attest(&two), name), [Some(Reason::SubjectCount)]);
    // One that cannot be read does not take the others with it.
    let mut broken = good.clone();
    broken["version"] = json!(2);
    let document = provenance(&[broken, good]);
    let document = Document::parse(document.to_string().as_bytes()).unwrap();
    let codes: Vec<_> = document
        .attestations
        .iter()
        .map(|one| one.bundle.as_ref().err().map(|error| error.code()))
        .collect();
    assert_eq!(codes, [Some("SH-BUNDLE-VERSION"), None]);
}

#[test]
fn conda_attests_one_file_by_its_name() {
    let place = Place::new();
    let name = "thing-1.0-0.conda";
    let predicate = json!({ "targetChannel": "https://channel.example/main" });
    let good = place
        .attest(STATEMENT, &statement(name, sha256(), CONDA, &predicate))
        .json;
    assert_eq!(
        place.reasons(&json!([good.clone(), good]), None, name),
        [None, None]
    );
    let single = place
        .attest(STATEMENT, &statement(name, sha256(), CONDA, &predicate))
        .json;
    assert_eq!(place.reasons(&single, None, name), [None]);
    assert_eq!(
        place.reasons(&single, None, "Thing-1.0-0.conda"),
        [Some(Reason::SubjectName)]
    );
    let failure = place.judge(single.to_string().as_bytes(), None, "other.conda");
    assert_eq!(
        failure,
        [Some(Failure {
            step: StepName::Artifact,
            reason: Reason::SubjectName,
            item: None,
            expected: Some("other.conda".to_owned()),
            found: Some(name.to_owned()),
            nearest: None,
        })]
    );
}

/// GitHub's API, and what its client writes: each line counts for itself.
#[test]
fn github_hands_out_several() {
    let place = Place::new();
    let good = place.forge.bundle(STATEMENT).json;
    let elsewhere = HashAlgorithm::Sha256.digest(b"another file");
    let other = place
        .attest(STATEMENT, &statement("other", elsewhere, SLSA, &json!({})))
        .json;
    let api = json!({ "attestations": [
        { "bundle": good, "repository_id": 7, "bundle_url": "https://example.com/b" },
        { "bundle": other, "repository_id": 7 },
    ]});
    let expected = [None, Some(Reason::SubjectMismatch)];
    assert_eq!(place.reasons(&api, None, "any name"), expected);
    let lines = format!("{good}\n{other}\n");
    let found: Vec<_> = place
        .judge(lines.as_bytes(), None, "any name")
        .into_iter()
        .map(|failure| failure.map(|failure| failure.reason))
        .collect();
    assert_eq!(found, expected);
}

/// Statements of any predicate; a subject counts by a digest of a file, of any algorithm that protects one.
#[test]
fn subjects_count_by_the_digest_of_a_file() {
    let place = Place::new();
    for (digest, expected) in [
        (json!({ "sha256": sha256().hex() }), None),
        (
            json!({ "sha384": HashAlgorithm::Sha384.digest(ARTIFACT).hex() }),
            None,
        ),
        (json!({ "sha512": sha512().hex() }), None),
        (json!({ "sha512": sha512().hex().to_uppercase() }), None),
        (
            json!({ "gitCommit": "0".repeat(40), "sha256": sha256().hex() }),
            None,
        ),
        (
            json!({ "gitCommit": sha256().hex() }),
            Some("SH-ARTIFACT-DIGEST-MISSING"),
        ),
        (
            json!({ "sha1": "0".repeat(40) }),
            Some("SH-ARTIFACT-DIGEST-MISSING"),
        ),
        (
            json!({ "SHA256": sha256().hex() }),
            Some("SH-ARTIFACT-DIGEST-MISSING"),
        ),
        (
            json!({ "sha512": sha256().hex() }),
            Some("SH-ARTIFACT-SUBJECT"),
        ),
        (
            json!({ "sha256": sha512().hex() }),
            Some("SH-ARTIFACT-SUBJECT"),
        ),
    ] {
        let mut statement = statement("x", sha256(), "https://example.com/made/up", &json!([1]));
        statement["subject"][0]["digest"] = digest.clone();
        let bundle = place.attest(STATEMENT, &statement).json;
        let failure = place
            .judge(bundle.to_string().as_bytes(), None, "x")
            .remove(0);
        let code = failure.map(|failure| failure.reason.code());
        assert_eq!(code, expected, "{digest}");
    }
}

/// An envelope with nothing beside it is never taken for a logged one.
#[test]
fn a_bare_envelope_proves_no_log() {
    let place = Place::new();
    let forged = place.forge.bundle(PUBLISHED);
    let document = forged.json["dsseEnvelope"].to_string();
    let document = Document::parse(document.as_bytes()).unwrap();
    assert_eq!(document.form, Form::Envelope);
    let bundle = document.attestations[0].bundle.as_ref().unwrap();
    let policy = Policy::Key(forged.key.clone());
    let verdict = place
        .verifier
        .verify(bundle, &Artifact::Bytes(ARTIFACT), &policy);
    assert_eq!(verdict.failure.unwrap().reason, Reason::LogEntryMissing);
    assert_eq!(
        place.judge(
            forged.json["dsseEnvelope"].to_string().as_bytes(),
            None,
            "x"
        )[0]
        .as_ref()
        .map(|failure| &failure.reason),
        Some(&Reason::PolicyNeedsKey)
    );
}

/// A certificate that names no issuer is the authority's own; one that names an empty one is nobody's.
#[test]
fn without_an_issuer_the_authority_itself_vouches() {
    const AUTHORITY: &str = "https://fulcio.forge.example";
    let place = Place::new();
    let ask = |issuer: Option<&str>, expected: &str| {
        let forged = place.forge.spoiled(V2, |stage| {
            if let Stage::Leaf(leaf) = stage {
                leaf.issuer = issuer.map(ToOwned::to_owned);
            }
        });
        place
            .verifier
            .verify_json(
                &forged.to_bytes(),
                &Artifact::Bytes(ARTIFACT),
                &identity(IDENTITY, expected),
            )
            .failure
            .map(|failure| (failure.reason.code(), failure.found))
    };
    assert_eq!(ask(None, AUTHORITY), None);
    let found = |text: &str| Some(("SH-IDENTITY-ISSUER", Some(text.to_owned())));
    assert_eq!(ask(None, ISSUER), found(AUTHORITY));
    assert_eq!(ask(None, "https://fulcio.forge.example/"), found(AUTHORITY));
    // A login at an issuer is not the authority's word.
    assert_eq!(ask(Some(ISSUER), AUTHORITY), found(ISSUER));
    assert_eq!(ask(Some(""), AUTHORITY), found(""));
}
