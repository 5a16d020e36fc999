//! Sign and verify against an instance that `signhere serve` runs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::fs;
use std::path::Path;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::Value;
use support::{ALICE, Instance, Ran, Workplace};

const REFERENCE: &str = include_str!("../../../docs/reference/json.md");

#[test]
fn a_file_is_signed_and_verified() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    let file = place.write("a.txt", "a file of mine\n");
    let signed = instance.sign(&place, &file).exits(0);
    assert!(signed.stdout.contains("a.txt.sigstore.json"), "{signed:?}");

    let verified = verify(&place, &instance, &["a.txt"]).exits(0);
    assert!(verified.stdout.contains(ALICE), "{verified:?}");

    // By its digest, from standard input, and with all the evidence.
    let digest = signhere_pki::digest::HashAlgorithm::Sha256
        .digest(b"a file of mine\n")
        .to_string();
    let bundle = "a.txt.sigstore.json";
    verify(&place, &instance, &[&digest, "--bundle", bundle]).exits(0);
    let piped = ["verify", "-", "--bundle", bundle].into_iter();
    let piped = piped.chain(instance.expecting_alice());
    place.pipe(b"a file of mine\n", piped).exits(0);
    let verbose = verify(&place, &instance, &["a.txt", "--verbose"]).exits(0);
    assert!(verbose.stdout.len() > verified.stdout.len(), "{verbose:?}");
    let quiet = verify(&place, &instance, &["a.txt", "--quiet"]).exits(0);
    assert_eq!(quiet.stdout, "");
}

#[test]
fn many_files_are_signed_with_one_certificate() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    let names = ["a", "b", "c"];
    for name in names {
        place.write(name, name);
    }
    let token = instance.token(&place);
    let args = [
        "sign",
        "--instance",
        instance.name(),
        "a",
        "b",
        "c",
        "--json",
    ];
    let signed = place.run_with(("SIGSTORE_ID_TOKEN", &token), args).exits(0);
    let signed = signed.json();
    assert_eq!(signed["version"], 1);
    assert_eq!(signed["identity"], ALICE);
    assert_eq!(signed["results"].as_array().unwrap().len(), 3);
    let certificates = names.map(|name| {
        let bundle = fs::read(place.path(&format!("{name}.sigstore.json"))).unwrap();
        let bundle: Value = serde_json::from_slice(&bundle).unwrap();
        bundle["verificationMaterial"]["certificate"].clone()
    });
    assert!(certificates[0].is_object());
    assert!(certificates.iter().all(|one| *one == certificates[0]));

    let verified = verify(&place, &instance, &["a", "b", "c", "--json"]).exits(0);
    let verified = verified.json();
    assert_eq!(verified["verified"], true);
    assert_eq!(verified["results"].as_array().unwrap().len(), 3);

    // One bad file among many decides, and the others are still told.
    place.write("b", "forged");
    let verified = verify(&place, &instance, &["a", "b", "c", "--json"]).exits(12);
    let verified = verified.json();
    assert_eq!(verified["verified"], false);
    let each = |n: usize| verified["results"][n]["verified"].as_bool().unwrap();
    assert_eq!([each(0), each(1), each(2)], [true, false, true]);
    assert_eq!(verified["results"][1]["error"]["exitCode"], 12);
}

#[test]
fn every_refusal_has_its_exit_code() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    let file = place.write("a.txt", "a");
    instance.sign(&place, &file).exits(0);
    let bundle = fs::read(place.path("a.txt.sigstore.json")).unwrap();

    // Another file.
    place.write("a.txt", "b");
    let ran = verify(&place, &instance, &["a.txt"]).exits(12);
    assert!(ran.stderr.contains("expected"), "{ran:?}");
    place.write("a.txt", "a");

    // Another identity, another issuer.
    let who = |identity: &str, issuer: &str| {
        place.run([
            "verify",
            "a.txt",
            "--instance",
            instance.name(),
            "--certificate-identity",
            identity,
            "--certificate-oidc-issuer",
            issuer,
        ])
    };
    who(ALICE, &instance.issuer).exits(0);
    let ran = who("mallory@example.com", &instance.issuer).exits(20);
    assert!(ran.stderr.contains("mallory@example.com"), "{ran:?}");
    assert!(ran.stderr.contains(ALICE), "{ran:?}");
    who(ALICE, "https://accounts.example.com").exits(20);
    who("alice@example", &instance.issuer).exits(20);

    // A certificate where a key was expected.
    place
        .run_with(("COSIGN_PASSWORD", "x"), ["key", "generate"])
        .exits(0);
    let key = ["verify", "a.txt", "--key", "cosign.pub", "--instance"];
    let ran = place.run(key.into_iter().chain([instance.name()]));
    assert!((10..=13).contains(&ran.code), "{ran:?}");

    // Another instance's trusted root, and an instance that nobody knows.
    let elsewhere = |more: &[&str]| {
        let args = [
            "verify",
            "a.txt",
            "--offline",
            "--certificate-identity",
            ALICE,
        ];
        let issuer = ["--certificate-oidc-issuer", &instance.issuer];
        place.run(args.iter().chain(&issuer).chain(more))
    };
    let ran = elsewhere(&["--instance", "public"]).exits(31);
    assert!(ran.stderr.contains("--trust-config"), "{ran:?}");
    let ran = elsewhere(&[]).exits(30);
    assert!(ran.stderr.contains("SH-INSTANCE-UNKNOWN-BUNDLE"), "{ran:?}");

    // A truncated bundle, an empty one, none.
    for length in [0, 1, bundle.len() / 2, bundle.len() - 1] {
        place.write("a.txt.sigstore.json", &bundle[..length]);
        let ran = verify(&place, &instance, &["a.txt"]).exits(12);
        assert!(ran.stderr.contains("SH-BUNDLE"), "{length}: {ran:?}");
    }
    fs::remove_file(place.path("a.txt.sigstore.json")).unwrap();
    verify(&place, &instance, &["a.txt"]).exits(10);
}

#[test]
fn a_key_signs_and_verifies() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    place.write("a.txt", "a");
    let passphrase = ("COSIGN_PASSWORD", "x");
    for kind in ["p256", "p384", "ed25519", "rsa2048"] {
        let (private, public) = (format!("{kind}.key"), format!("{kind}.pub"));
        let make = [
            "key",
            "generate",
            "--kind",
            kind,
            "--output-key-prefix",
            kind,
        ];
        place.run_with(passphrase, make).exits(0);
        let sign = [
            "sign",
            "--key",
            &private,
            "--instance",
            instance.name(),
            "a.txt",
        ];
        place.run_with(passphrase, sign).exits(0);
        let verify = |key: &str| {
            place.run([
                "verify",
                "--key",
                key,
                "--instance",
                instance.name(),
                "a.txt",
            ])
        };
        verify(&public).exits(0);
        if kind != "p256" {
            let ran = verify("p256.pub");
            assert!([12, 20].contains(&ran.code), "{ran:?}");
        }
    }
    let ran = verify(&place, &instance, &["a.txt"]).exits(13);
    assert!(ran.stderr.contains("--key"), "{ran:?}");
}

#[test]
fn nothing_is_written_when_the_instance_is_gone() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    let file = place.write("a.txt", "a");
    let token = instance.token(&place);
    let (folder, url) = (instance.name().to_owned(), instance.url.clone());
    drop(instance);
    let args = ["sign", "--instance", &folder, file.to_str().unwrap()];
    let ran = place
        .run_with(("SIGSTORE_ID_TOKEN", &token), args)
        .exits(40);
    assert!(
        ran.stderr.contains(url.trim_start_matches("http://")),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains(&token), "{ran:?}");
    assert_eq!(files_like(&place, "a.txt."), Vec::<String>::new());
    place
        .run(["token", "--instance", &url, "--email", ALICE])
        .exits(40);
}

#[test]
fn a_token_that_is_not_good_signs_nothing() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    place.write("a.txt", "a");
    let sign = |token: &str| {
        let args = ["sign", "--instance", instance.name(), "a.txt"];
        let ran = place.run_with(("SIGSTORE_ID_TOKEN", token), args).exits(41);
        assert!(!ran.stderr.contains(token), "{ran:?}");
        assert_eq!(files_like(&place, "a.txt."), Vec::<String>::new());
        ran.stderr
    };
    let claims = |changed: &str, value: Value| {
        let mut claims = serde_json::json!({
            "iss": instance.issuer,
            "aud": "sigstore",
            "sub": ALICE,
            "email": ALICE,
            "email_verified": true,
            "iat": 1_700_000_000,
            "exp": 4_000_000_000_u64,
        });
        claims[changed] = value;
        unsigned(&claims)
    };
    assert!(sign(&claims("exp", 1_700_000_600.into())).contains("SH-TOKEN-EXPIRED"));
    assert!(sign(&claims("aud", "vault".into())).contains("SH-TOKEN-AUDIENCE"));
    // What only the certificate authority can know.
    let issuer = "https://accounts.example.com";
    assert!(sign(&claims("iss", issuer.into())).contains("SH-SERVICE-REFUSED"));
    assert!(sign(&claims("sub", ALICE.into())).contains("SH-SERVICE-REFUSED"));
}

#[test]
fn every_field_of_the_documents_is_in_the_reference() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    place.write("a.txt", "a");
    let token = instance.token(&place);
    let variable = ("SIGSTORE_ID_TOKEN", token.as_str());
    let sign = ["sign", "--json", "--instance", instance.name(), "a.txt"];
    let make = ["key", "generate", "--json"];
    let quickstart = ["quickstart", "a.txt", "--json", "--listen", "127.0.0.1:0"];
    let documents = [
        place.run_with(variable, sign).exits(0),
        verify(&place, &instance, &["a.txt", "--json"]).exits(0),
        verify(&place, &instance, &["b.txt", "--json"]).exits(11),
        place.run_with(("COSIGN_PASSWORD", "x"), make).exits(0),
        place.run(["sign", "b.txt", "--json"]).exits(1),
        place.run([
            "token",
            "--instance",
            instance.name(),
            "--email",
            ALICE,
            "--json",
        ]),
        place.run(quickstart).exits(0),
    ];
    for document in documents {
        assert_eq!(document.stderr, "");
        let document = document.json();
        assert_eq!(document["version"], 1);
        for field in fields(&document) {
            assert!(REFERENCE.contains(&format!("{field}`")), "{field}");
        }
    }
}

#[test]
fn hostile_bundles_are_refused() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    place.write("a.txt", "a");
    let deep = "[".repeat(100_000);
    place.write("a.txt.sigstore.json", format!("{{\"x\": {deep}"));
    let ran = verify(&place, &instance, &["a.txt"]).exits(12);
    assert!(ran.stderr.contains("SH-BUNDLE"), "{ran:?}");
    place.write("a.txt.sigstore.json", vec![b' '; 16 * 1024 * 1024 + 1]);
    let ran = verify(&place, &instance, &["a.txt"]).exits(1);
    assert!(ran.stderr.contains("SH-FILE-TOO-LARGE"), "{ran:?}");
    place.write("a.txt.sigstore.json", [0xff, 0xfe, 0]);
    let ran = verify(&place, &instance, &["a.txt"]).exits(12);
    assert!(ran.stderr.contains("SH-BUNDLE"), "{ran:?}");
}

#[test]
fn the_conformance_client_signs() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    place.write("a.txt", "a");
    let token = instance.token(&place);
    let root = instance.folder.join("trusted_root.json");
    let config = instance.folder.join("signing_config.v0.2.json");
    let (root, config) = (root.to_str().unwrap(), config.to_str().unwrap());
    let ran = client(
        &place,
        &[
            "sign-bundle",
            "--identity-token",
            &token,
            "--bundle",
            "b.json",
            "--trusted-root",
            root,
            "--signing-config",
            config,
            "a.txt",
        ],
    );
    ran.exits(0);
    let verify = |what: &str| {
        client(
            &place,
            &[
                "verify-bundle",
                "--bundle",
                "b.json",
                "--certificate-identity",
                ALICE,
                "--certificate-oidc-issuer",
                &instance.issuer,
                "--trusted-root",
                root,
                what,
            ],
        )
    };
    verify("a.txt").exits(0);
    place.write("b.txt", "b");
    verify("b.txt").exits(12);

    // An in-toto statement is signed in an envelope, and is about its subject.
    let digest = signhere_pki::digest::HashAlgorithm::Sha256.digest(b"a");
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a.txt", "digest": {"sha256": digest.hex()}}],
        "predicateType": "https://example.com/predicate/v1",
        "predicate": {},
    });
    place.write("statement.json", statement.to_string());
    let ran = client(
        &place,
        &[
            "sign-bundle",
            "--in-toto",
            "--identity-token",
            &token,
            "--bundle",
            "b.json",
            "--trusted-root",
            root,
            "--signing-config",
            config,
            "statement.json",
        ],
    );
    ran.exits(0);
    verify("a.txt").exits(0);
    verify(&digest.to_string()).exits(0);
    verify("b.txt").exits(12);
}

fn verify(place: &Workplace, instance: &Instance, args: &[&str]) -> Ran {
    let args = ["verify"].into_iter().chain(args.iter().copied());
    place.run(args.chain(instance.expecting_alice()))
}

fn client(place: &Workplace, args: &[&str]) -> Ran {
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/client");
    let mut command = std::process::Command::new(client);
    command
        .args(args)
        .env_clear()
        .env("PATH", support::search_path())
        .env("HOME", place.path(""))
        .env("SIGNHERE_BIN", env!("CARGO_BIN_EXE_signhere"))
        .current_dir(place.path(""))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    support::finish(command.spawn().unwrap())
}

/// The names of all fields, but for those of verdicts: they have their own page.
fn fields(document: &Value) -> Vec<String> {
    match document {
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, value)| {
                let within = if name == "verdict" {
                    Vec::new()
                } else {
                    fields(value)
                };
                [name.clone()].into_iter().chain(within)
            })
            .collect(),
        Value::Array(array) => array.iter().flat_map(fields).collect(),
        _ => Vec::new(),
    }
}

/// A token with these claims and a signature that nobody made.
fn unsigned(claims: &Value) -> String {
    let encode = |text: String| BASE64_URL_SAFE_NO_PAD.encode(text);
    let header = encode(serde_json::json!({"alg": "ES256", "kid": "x"}).to_string());
    let signature = BASE64_URL_SAFE_NO_PAD.encode([0; 64]);
    format!("{header}.{}.{signature}", encode(claims.to_string()))
}

fn files_like(place: &Workplace, prefix: &str) -> Vec<String> {
    fs::read_dir(place.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(prefix))
        .collect()
}
