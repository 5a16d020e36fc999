//! Bundles are looked into, brought up to date, taken apart and put together; verdicts are shown in
//! every form.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::collections::BTreeSet;
use std::fs;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use support::{ALICE, Instance, Ran, Workplace};

const SCHEMA: &str = include_str!("../../../docs/reference/verdict.schema.json");
const REFERENCE: &str = include_str!("../../../docs/reference/json.md");

#[test]
fn a_bundle_is_inspected_split_and_put_together_again() {
    let (place, instance) = signed();
    let named = ["--instance", instance.name()];

    // Without trust: claims alone, and marked as such.
    let ran = place
        .run(["bundle", "inspect", BUNDLE, "--claims-only"])
        .exits(0);
    assert!(
        ran.stdout.contains(&format!("? who  {ALICE} (claimed)")),
        "{ran:?}"
    );
    assert!(!ran.stdout.contains('✓'), "{ran:?}");
    // No instance that is known fits: still only claims.
    let ran = place
        .run(["--offline", "bundle", "inspect", BUNDLE])
        .exits(0);
    assert!(
        ran.stdout.contains("of no instance that is known here"),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains(&format!("? who  {ALICE} (claimed)")),
        "{ran:?}"
    );
    // With its own trust all of it is proven, but for who may sign.
    let ran = place
        .run(["bundle", "inspect", BUNDLE].into_iter().chain(named))
        .exits(0);
    assert!(ran.stdout.contains(&format!("✓ who  {ALICE}\n")), "{ran:?}");
    assert!(ran.stdout.contains("this is no verification"), "{ran:?}");
    let json = place.run(
        ["bundle", "inspect", "--json", BUNDLE]
            .into_iter()
            .chain(named),
    );
    let json = json.exits(0).json();
    assert_eq!(json["verified"], false);
    assert_eq!(
        json["bundles"][0]["proven"]["failure"]["code"],
        "SH-SIGNER-UNCHECKED"
    );
    documented(&json);

    let split = place
        .run(["bundle", "split", BUNDLE, "--dir", "parts", "--json"])
        .exits(0);
    documented(&split.json());
    assert_eq!(
        fs::read(place.path("parts/bundle.sigstore.json")).unwrap(),
        fs::read(place.path(BUNDLE)).unwrap()
    );
    place
        .run(["bundle", "split", BUNDLE, "--dir", "parts"])
        .exits(1);
    let create = |certificate: &str, output: &str| {
        let args = [
            "bundle",
            "create",
            "--signature",
            "parts/signature.sig",
            "--certificate",
            certificate,
            "--log-entry",
            "parts/log-entry-0.json",
            "--timestamp",
            "parts/timestamp-0.tsr",
            "--output",
            output,
        ];
        place.run(args.into_iter().chain(named))
    };
    let made = create("parts/certificate.pem", "made.json").exits(0);
    assert!(made.stdout.contains("proven"), "{made:?}");
    verify(&place, &instance, &["a.txt", "--bundle", "made.json"]).exits(0);
    let again = create("parts/certificate.pem", "made.json").exits(1);
    assert!(again.stderr.contains("SH-FILE-EXISTS"), "{again:?}");

    // Somebody else's certificate: it does not hold, and is not written.
    place.write("b.txt", "b");
    instance.sign(&place, &place.path("b.txt")).exits(0);
    let other = ["bundle", "split", "b.txt.sigstore.json", "--dir", "other"];
    place.run(other).exits(0);
    let refused = create("other/certificate.pem", "wrong.json");
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(refused.stderr.contains("is not written"), "{refused:?}");
    assert!(!place.path("wrong.json").exists());
}

#[test]
fn lines_of_bundles_are_read() {
    let (place, _instance) = signed();
    let one = fs::read_to_string(place.path(BUNDLE)).unwrap();
    place.write("many.jsonl", format!("{one}\n{one}\n"));
    let ran = place
        .run(["bundle", "inspect", "many.jsonl", "--claims-only"])
        .exits(0);
    assert!(ran.stdout.contains("bundle 2\n"), "{ran:?}");
    place
        .run(["bundle", "split", "many.jsonl", "--dir", "lines"])
        .exits(0);
    assert!(place.path("lines/2/certificate.pem").exists());
    place.write("broken.jsonl", format!("{one}\n{{\"mediaType\":1}}\n"));
    let ran = place.run(["bundle", "inspect", "broken.jsonl"]).exits(12);
    assert!(ran.stderr.contains("broken.jsonl, bundle 2"), "{ran:?}");
}

#[test]
fn old_forms_are_brought_up_to_date() {
    let (place, instance) = signed();
    place
        .run(["bundle", "split", BUNDLE, "--dir", "parts"])
        .exits(0);
    let read = |name: &str| fs::read(place.path(name)).unwrap();
    let certificate = read("parts/certificate.pem");
    let signature = String::from_utf8(read("parts/signature.sig")).unwrap();
    let named = ["--instance", instance.name()];

    // A bundle of v0.2: a chain instead of one certificate.
    let mut old: Value = serde_json::from_slice(&read(BUNDLE)).unwrap();
    old["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2".into();
    let material = old["verificationMaterial"].as_object_mut().unwrap();
    let leaf = material.remove("certificate").unwrap();
    material.insert(
        "x509CertificateChain".to_owned(),
        json!({ "certificates": [leaf] }),
    );
    place.write("old.json", old.to_string());
    let upgrade = |file: &str, more: &[&str], output: &str| {
        let args = ["bundle", "upgrade", file, "--output", output];
        place.run(args.iter().chain(more).chain(&named))
    };
    let ran = upgrade("old.json", &["--json"], "new.json").exits(0).json();
    assert_eq!(ran["proven"], true);
    documented(&ran);
    verify(&place, &instance, &["a.txt", "--bundle", "new.json"]).exits(0);

    // cosign's signature and certificate, and its file from before bundles.
    let signer = ["--certificate", "parts/certificate.pem"];
    let entry = [
        "--log-entry",
        "parts/log-entry-0.json",
        "--timestamp",
        "parts/timestamp-0.tsr",
    ];
    let all: Vec<&str> = signer.into_iter().chain(entry).collect();
    upgrade("parts/signature.sig", &all, "from-files.json").exits(0);
    verify(&place, &instance, &["a.txt", "--bundle", "from-files.json"]).exits(0);
    let cosign = json!({
        "base64Signature": signature.trim(),
        "cert": BASE64_STANDARD.encode(&certificate),
        "rekorBundle": {
            "SignedEntryTimestamp": "AAAA",
            "Payload": {
                "body": BASE64_STANDARD.encode(br#"{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}"#),
                "integratedTime": 1,
                "logIndex": 7,
                "logID": "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d",
            },
        },
    });
    place.write("cosign.bundle", cosign.to_string());
    let ran = upgrade("cosign.bundle", &[], "from-cosign.json").exits(1);
    assert!(ran.stderr.contains("SH-BUNDLE-PROOF"), "{ran:?}");
    let fetch = "curl 'https://rekor.sigstore.dev/api/v1/log/entries?logIndex=7'";
    assert!(ran.stderr.contains(fetch), "{ran:?}");
    assert!(!place.path("from-cosign.json").exists());

    // The entry of another signature is not taken.
    place.write("b.txt", "b");
    instance.sign(&place, &place.path("b.txt")).exits(0);
    place
        .run(["bundle", "split", "b.txt.sigstore.json", "--dir", "other"])
        .exits(0);
    let ran = upgrade(
        "old.json",
        &["--log-entry", "other/log-entry-0.json"],
        "x.json",
    )
    .exits(1);
    assert!(ran.stderr.contains("about another signature"), "{ran:?}");
}

#[test]
fn verdicts_are_explained_and_every_form_is_sound() {
    let (place, instance) = signed();
    let ran = verify(&place, &instance, &["a.txt", "--explain"]).exits(0);
    for line in [
        &format!("✓ who  {ALICE}"),
        "✓ when",
        "✓ proven by",
        "✓ logged in",
        "held against",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {ran:?}");
    }
    let mut verdicts = vec![verify(&place, &instance, &["a.txt", "--json", "--explain"]).exits(0)];

    place.write("a.txt", "another");
    let ran = verify(&place, &instance, &["a.txt", "--explain"]).exits(12);
    assert!(ran.stdout.contains("✗ artifact"), "{ran:?}");
    assert!(ran.stdout.contains("expected  sha256:"), "{ran:?}");
    assert!(
        ran.stdout
            .contains("more      signhere explain SH-ARTIFACT-DIGEST"),
        "{ran:?}"
    );
    verdicts.push(verify(&place, &instance, &["a.txt", "--json"]).exits(12));
    verdicts.push(verify(&place, &instance, &["absent", "--format", "json"]).exits(11));
    place.write("a.txt", "a");
    let mallory = [
        "verify",
        "a.txt",
        "--json",
        "--explain",
        "--instance",
        instance.name(),
        "--certificate-identity",
        "mallory@example.com",
        "--certificate-oidc-issuer",
        &instance.issuer,
    ];
    verdicts.push(place.run(mallory).exits(20));
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for ran in &verdicts {
        let document = ran.json();
        assert_eq!(
            check(&schema, &schema, &document, "$"),
            Vec::<String>::new()
        );
    }
    // A schema that lets everything pass is none.
    let mut wrong = verdicts[0].json();
    wrong["results"][0]["verified"] = "yes".into();
    assert_eq!(check(&schema, &schema, &wrong, "$").len(), 1);
    let mut wrong = verdicts[1].json();
    wrong["results"][0]["verdict"]["failure"]
        .as_object_mut()
        .unwrap()
        .remove("code");
    assert_eq!(check(&schema, &schema, &wrong, "$").len(), 1);
}

#[test]
fn sarif_names_rule_place_and_mend() {
    let (place, instance) = signed();
    place.write("a.txt", "another");
    let ran = verify(&place, &instance, &["a.txt", "--format", "sarif"]).exits(12);
    let log = ran.json();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].is_string());
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "signhere");
    assert_eq!(run["invocations"][0]["exitCode"], 12);
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "SH-ARTIFACT-DIGEST");
    assert_eq!(result["ruleIndex"], 0);
    assert_eq!(result["level"], "error");
    assert!(
        result["message"]["text"]
            .as_str()
            .unwrap()
            .contains("\nmend: ")
    );
    let location = &result["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(location["uri"], "a.txt");
    let rule = &run["tool"]["driver"]["rules"][0];
    assert_eq!(rule["id"], "SH-ARTIFACT-DIGEST");
    assert!(
        rule["help"]["text"]
            .as_str()
            .unwrap()
            .contains("What to do")
    );

    place.write("a.txt", "a");
    let good = ["a.txt", "--format", "sarif", "--output", "log.sarif"];
    let ran = verify(&place, &instance, &good).exits(0);
    assert!(ran.stdout.contains(ALICE), "{ran:?}");
    let log: Value = serde_json::from_slice(&fs::read(place.path("log.sarif")).unwrap()).unwrap();
    assert_eq!(log["runs"][0]["results"], json!([]));
    verify(&place, &instance, &["a.txt", "--output", "x"]).exits(2);
    verify(&place, &instance, &["a.txt", "--json", "--format", "html"]).exits(2);
}

#[test]
fn the_page_stands_alone_and_is_not_fooled_by_names() {
    let (place, instance) = signed();
    let hostile = "<script>alert(1)<b>\u{202e}.txt";
    place.write(hostile, "x");
    let ran = verify(&place, &instance, &["a.txt", hostile, "--format", "html"]).exits(10);
    let page = &ran.stdout;
    assert!(page.starts_with("<!doctype html>"), "{page}");
    assert!(page.contains("1 of 2 verified"), "{page}");
    assert!(
        page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"),
        "{page}"
    );
    for bad in [
        "<script",
        "\u{202e}",
        "onclick",
        "src=",
        "href=",
        "style=\"",
        "http-equiv=\"refresh",
    ] {
        assert!(!page.contains(bad), "{bad}: {page}");
    }
    // The policy lets exactly this style through.
    let style = page
        .split("<style>")
        .nth(1)
        .unwrap()
        .split("</style>")
        .next()
        .unwrap();
    let hash = BASE64_STANDARD.encode(signhere_pki::digest::sha256(style.as_bytes()));
    assert!(
        page.contains(&format!("style-src 'sha256-{hash}'")),
        "{page}"
    );
    assert!(page.contains("default-src 'none'"), "{page}");
}

const BUNDLE: &str = "a.txt.sigstore.json";

/// An instance, and `a.txt` signed by Alice.
fn signed() -> (Workplace, Instance) {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    let file = place.write("a.txt", "a");
    instance.sign(&place, &file).exits(0);
    (place, instance)
}

fn verify(place: &Workplace, instance: &Instance, args: &[&str]) -> Ran {
    let args = ["verify"].iter().chain(args).copied();
    place.run(args.chain(instance.expecting_alice()))
}

/// Every field at the top of a document of `bundle` is in the reference.
fn documented(document: &Value) {
    assert_eq!(document["version"], 1);
    for field in document.as_object().unwrap().keys() {
        assert!(REFERENCE.contains(&format!("`{field}")), "{field}");
    }
}

/// What of `value` does not fit `schema`: the part of JSON Schema that ours is written in, and
/// nothing else.
fn check(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let known: BTreeSet<&str> = [
        "$schema",
        "$id",
        "$ref",
        "$defs",
        "title",
        "description",
        "type",
        "const",
        "enum",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "oneOf",
        "pattern",
    ]
    .into();
    let mut wrong = Vec::new();
    for keyword in schema.as_object().unwrap().keys() {
        assert!(
            known.contains(keyword.as_str()),
            "{keyword} is not checked here"
        );
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.strip_prefix('#').unwrap()).unwrap();
        wrong.extend(check(root, target, value, path));
    }
    let is_a = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("type {other}"),
    };
    let fits = match &schema["type"] {
        Value::Null => true,
        Value::Array(names) => names.iter().any(|name| is_a(name.as_str().unwrap())),
        name => is_a(name.as_str().unwrap()),
    };
    if !fits {
        wrong.push(format!("{path}: {value} is no {}", schema["type"]));
    }
    if let Some(only) = schema.get("const")
        && only != value
    {
        wrong.push(format!("{path}: {value} is not {only}"));
    }
    if let Some(some) = schema["enum"].as_array()
        && !some.contains(value)
    {
        wrong.push(format!("{path}: {value} is none of {some:?}"));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices
            .iter()
            .filter(|one| check(root, one, value, path).is_empty());
        if fitting.count() != 1 {
            wrong.push(format!("{path}: {value} fits not exactly one"));
        }
    }
    if let Some(members) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            if !members.contains_key(name) {
                wrong.push(format!("{path}: {name} is missing"));
            }
        }
        if let Some(properties) = schema["properties"].as_object() {
            for (name, member) in members {
                let below = format!("{path}.{name}");
                match properties.get(name) {
                    Some(schema) => wrong.extend(check(root, schema, member, &below)),
                    // The form may grow; this test says when the schema has to grow with it.
                    None => wrong.push(format!("{below} is not in the schema")),
                }
            }
        }
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            wrong.extend(check(
                root,
                &schema["items"],
                item,
                &format!("{path}[{number}]"),
            ));
        }
    }
    wrong
}
