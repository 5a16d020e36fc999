//! Many files at once: folders, lists of checksums, and what registries hand out.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod support;

use std::fs::{self, File};
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use signhere_pki::digest::HashAlgorithm;
use signhere_testkit::forge::{
    Content, Entry, Evidence, Forge, IDENTITY, ISSUER, Keying, Kind, MediaType, RootVersion,
    SIGNED_AT, Stage,
};
use support::{Ran, Workplace};

/// An artifact in Rekor v2.
const PLAIN: Kind = Kind {
    entry: Entry::HashedRekordV002,
    evidence: Evidence {
        promise: false,
        proof: true,
        timestamps: 1,
        embeds_certificate: true,
    },
    ..Kind::PLAIN
};

/// A statement in Rekor v1.
const STATEMENT: Kind = Kind {
    content: Content::Dsse,
    entry: Entry::IntotoV002,
    media_type: MediaType::V0_2,
    ..Kind::PLAIN
};

struct Desk {
    place: Workplace,
    forge: Forge,
}

impl Desk {
    fn new() -> Self {
        let (place, forge) = (Workplace::new(), Forge::new());
        let root = forge.trusted_root(RootVersion::V0_1).to_string();
        fs::create_dir(place.path("trust")).unwrap();
        fs::create_dir(place.path("d")).unwrap();
        place.write("trust/root.json", root);
        Self { place, forge }
    }

    fn bundle(&self, kind: Kind, payload: &[u8]) -> Value {
        let forged = self.forge.spoiled(kind, |stage| {
            if let Stage::Sign(sign) = stage {
                sign.payload = payload.to_vec();
            }
        });
        forged.json
    }

    /// Writes a file, and its bundle under the name with the ending.
    fn signed(&self, name: &str, content: &str, suffix: &str) {
        self.place.write(name, content);
        let bundle = self.bundle(PLAIN, content.as_bytes());
        self.place
            .write(&format!("{name}{suffix}"), bundle.to_string());
    }

    /// A statement about a file.
    fn statement(&self, name: &str, content: &[u8], kind: &str, predicate: &Value) -> Vec<u8> {
        let digest = HashAlgorithm::Sha512.digest(content);
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": name, "digest": { "sha512": digest.hex() } }],
            "predicateType": kind,
            "predicate": predicate,
        })
        .to_string()
        .into_bytes()
    }

    fn verify(&self, args: &[&str]) -> Ran {
        let who = [
            "verify",
            "--trusted-root",
            "trust/root.json",
            "--certificate-identity",
            IDENTITY,
            "--certificate-oidc-issuer",
            ISSUER,
        ];
        self.place.run(who.iter().chain(args))
    }
}

fn sum(content: &str) -> String {
    HashAlgorithm::Sha256.digest(content.as_bytes()).hex()
}

/// Artifact and code of each result.
fn results(document: &Value) -> Vec<(&str, Option<&str>)> {
    let results = document["results"].as_array().unwrap().iter();
    results
        .map(|one| {
            let code = one["error"]["code"].as_str();
            assert_eq!(one["verified"], code.is_none(), "{one}");
            (one["artifact"].as_str().unwrap(), code)
        })
        .collect()
}

#[test]
fn a_folder_is_everything_in_it() {
    let desk = Desk::new();
    fs::create_dir_all(desk.place.path("d/sub/.git")).unwrap();
    desk.place.write("d/sub/.git/HEAD", "not looked at");
    desk.signed("d/a.jar", "a", ".sigstore.json");
    desk.signed("d/b", "b", ".sigstore");
    desk.signed("d/c", "c", ".jsonl");
    desk.signed("d/sub/e", "e", ".bundle");
    desk.place.write("d/gone.sigstore.json", "{}");
    let ran = desk.verify(&["d"]).exits(0);
    assert_eq!(ran.stdout.lines().count(), 4, "{ran:?}");
    assert!(
        ran.stderr
            .contains("not looked at: d/gone.sigstore.json, d/sub/.git"),
        "{ran:?}"
    );

    // A file that nobody vouches for is named, and the whole is not verified.
    desk.place.write("d/zz", "z");
    let ran = desk.verify(&["d"]).exits(10);
    assert!(ran.stderr.contains("without a signature: d/zz"), "{ran:?}");
    assert!(ran.stderr.contains("SH-UNSIGNED"), "{ran:?}");
    desk.verify(&["d", "--allow-unsigned"]).exits(0);
    let document = desk.verify(&["d", "--json"]).exits(10).json();
    assert_eq!(document["verified"], false);
    assert_eq!(document["unsigned"], json!(["d/zz"]));
    assert_eq!(document["error"]["code"], "SH-UNSIGNED");
    let files = ["d/a.jar", "d/b", "d/c", "d/sub/e"];
    assert_eq!(results(&document), files.map(|file| (file, None)));

    // One that is not what was signed decides, and the others are still told.
    desk.place.write("d/b", "forged");
    let document = desk
        .verify(&["d", "--json", "--allow-unsigned"])
        .exits(12)
        .json();
    let codes: Vec<_> = results(&document)
        .into_iter()
        .map(|(_, code)| code)
        .collect();
    assert_eq!(codes, [None, Some("SH-ARTIFACT-DIGEST"), None, None]);

    fs::create_dir(desk.place.path("empty")).unwrap();
    let ran = desk.verify(&["empty"]).exits(10);
    assert!(
        ran.stderr.contains("nothing here has a signature"),
        "{ran:?}"
    );
    desk.verify(&["empty", "--allow-unsigned"]).exits(10);
    desk.verify(&["d", "--bundle", "d/c.jsonl"]).exits(2);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let desk = Desk::new();
    desk.signed("d/a", "a", ".sigstore.json");
    fs::create_dir(desk.place.path("other")).unwrap();
    desk.place.write("other/unsigned", "x");
    symlink(desk.place.path("other"), desk.place.path("d/link")).unwrap();
    symlink(desk.place.path("d"), desk.place.path("d/loop")).unwrap();
    symlink("a", desk.place.path("d/again")).unwrap();
    let document = desk.verify(&["d", "--json"]).exits(0).json();
    assert_eq!(document["skipped"], json!(["d/again", "d/link", "d/loop"]));
    assert_eq!(results(&document), [("d/a", None)]);
}

#[test]
fn results_stand_in_the_order_asked_for() {
    let desk = Desk::new();
    let names: Vec<String> = (0..40).map(|n| format!("d/{n:03}")).collect();
    for name in &names {
        desk.signed(name, name, ".sigstore.json");
    }
    let mut args: Vec<&str> = names.iter().map(String::as_str).rev().collect();
    args.push("--json");
    let document = desk.verify(&args).exits(0).json();
    let order: Vec<_> = results(&document)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    args.pop();
    assert_eq!(order, args);
}

#[test]
fn a_list_vouches_for_the_files_that_it_names() {
    let desk = Desk::new();
    desk.place.write("d/a", "a");
    fs::create_dir(desk.place.path("d/sub")).unwrap();
    desk.place.write("d/sub/b", "b");
    let list = format!(
        "# release 1\n{}  a\nSHA256 (sub/b) = {}\n{} *gone.zip\n",
        sum("a"),
        sum("b"),
        sum("c")
    );
    desk.signed("d/SHA256SUMS", &list, ".sigstore.json");
    let ran = desk.verify(&["d/SHA256SUMS"]).exits(0);
    assert!(
        ran.stdout.contains("d/sub/b  as d/SHA256SUMS says"),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .contains("named in a list and not here: d/gone.zip"),
        "{ran:?}"
    );
    let document = desk.verify(&["d/SHA256SUMS", "--json"]).exits(0).json();
    assert_eq!(
        results(&document),
        [("d/SHA256SUMS", None), ("d/a", None), ("d/sub/b", None)]
    );
    assert_eq!(document["results"][1]["checksums"], "d/SHA256SUMS");
    assert_eq!(document["missing"], json!(["d/gone.zip"]));

    // In a folder the list's files need no bundle of their own.
    desk.verify(&["d"]).exits(0);
    desk.place.write("d/more", "unlisted");
    let ran = desk.verify(&["d"]).exits(10);
    assert!(
        ran.stderr.contains("without a signature: d/more\n"),
        "{ran:?}"
    );

    // One file by its list; another place is fine, another name is not.
    desk.place.write("elsewhere", "x");
    desk.verify(&["--checksums", "d/SHA256SUMS", "d/a"])
        .exits(0);
    fs::copy(desk.place.path("d/sub/b"), desk.place.path("b")).unwrap();
    desk.verify(&["--checksums", "d/SHA256SUMS", "b"]).exits(0);
    for (name, code, exit) in [
        ("d/more", "SH-CHECKSUMS-UNLISTED", 10),
        ("elsewhere", "SH-CHECKSUMS-UNLISTED", 10),
        ("gone.zip", "SH-FILE-MISSING", 11),
    ] {
        let args = ["--checksums", "d/SHA256SUMS", name, "--json"];
        let document = desk.verify(&args).exits(exit).json();
        let all = results(&document);
        assert_eq!(all, [("d/SHA256SUMS", None), (name, Some(code))]);
    }
    desk.verify(&["--checksums", "d/SHA256SUMS", "d"]).exits(2);
    // Where it is said to be a list its name does not matter.
    desk.signed("d/any name", &list, ".sigstore.json");
    let ran = desk.verify(&["--checksums", "d/any name", "d/a"]).exits(0);
    assert!(ran.stdout.contains("d/a  as d/any name says"), "{ran:?}");

    // A file that is not the one that was meant.
    desk.place.write("d/a", "A");
    let ran = desk.verify(&["d/SHA256SUMS"]).exits(12);
    assert!(ran.stderr.contains("SH-CHECKSUMS-DIGEST"), "{ran:?}");
    assert!(
        ran.stderr.contains(&sum("a")) && ran.stderr.contains(&sum("A")),
        "{ran:?}"
    );

    // A list that was changed vouches for nothing.
    desk.place
        .write("d/SHA256SUMS", list.replace(&sum("a"), &sum("A")));
    let document = desk.verify(&["d/SHA256SUMS", "--json"]).exits(12).json();
    assert_eq!(
        results(&document),
        [("d/SHA256SUMS", Some("SH-ARTIFACT-DIGEST"))]
    );
    let args = ["--checksums", "d/SHA256SUMS", "d/a", "--json"];
    let document = desk.verify(&args).exits(12).json();
    assert_eq!(
        results(&document),
        [("d/SHA256SUMS", Some("SH-ARTIFACT-DIGEST"))]
    );
}

#[test]
fn a_list_that_cheats_is_refused() {
    let desk = Desk::new();
    desk.place.write("d/a", "a");
    desk.place.write("outside", "o");
    for (name, list) in [
        (
            "escape.sha256",
            format!("{}  a\n{}  ../outside\n", sum("a"), sum("o")),
        ),
        ("absolute.sha256", format!("{}  /etc/passwd\n", sum("a"))),
        (
            "twice.sha256",
            format!("{}  a\n{}  ./a\n", sum("b"), sum("a")),
        ),
        (
            "weak.sha256",
            "0cc175b9c0f1b6a831c399e269772661  a\n".to_owned(),
        ),
    ] {
        let name = format!("d/{name}");
        desk.signed(&name, &list, ".sigstore.json");
        let ran = desk.verify(&[&name]).exits(12);
        assert!(ran.stderr.contains("[SH-CHECKSUMS]"), "{ran:?}");
    }
    // What only is called like a list is verified as what it is, and that is said.
    desk.signed("d/note.sha256", &sum("a"), ".sigstore.json");
    let ran = desk.verify(&["d/note.sha256"]).exits(0);
    assert!(
        ran.stderr.contains("d/note.sha256 is not read as a list"),
        "{ran:?}"
    );
    let ran = desk
        .verify(&["--checksums", "d/note.sha256", "d/a"])
        .exits(12);
    assert!(ran.stderr.contains("[SH-CHECKSUMS]"), "{ran:?}");
    // A list without any of its files proves nothing about a file.
    desk.signed(
        "d/idle.sha256",
        &format!("{}  b\n", sum("b")),
        ".sigstore.json",
    );
    let ran = desk.verify(&["d/idle.sha256"]).exits(11);
    assert!(ran.stderr.contains("SH-CHECKSUMS-NOTHING"), "{ran:?}");
    #[cfg(unix)]
    {
        let link = desk.place.path("d/link");
        std::os::unix::fs::symlink(desk.place.path("outside"), link).unwrap();
        desk.signed(
            "d/link.sha256",
            &format!("{}  link\n", sum("o")),
            ".sigstore.json",
        );
        let ran = desk.verify(&["d/link.sha256"]).exits(12);
        assert!(ran.stderr.contains("SH-CHECKSUMS-PATH"), "{ran:?}");
    }
}

#[test]
fn one_of_several_bundles_is_enough() {
    let desk = Desk::new();
    let about = |content: &str| {
        let statement = desk.statement("x", content.as_bytes(), "https://example.com/p", &json!(1));
        desk.bundle(STATEMENT, &statement).to_string()
    };
    let broken = "{\"mediaType\":\"made up\"}";
    desk.place.write("d/a", "a");
    let lines = format!("{}\n{broken}\n{}\n", about("b"), about("a"));
    desk.place.write("d/a.jsonl", lines);
    let document = desk.verify(&["d/a", "--json"]).exits(0).json();
    let result = &document["results"][0];
    assert_eq!(
        (&result["form"], &result["place"]),
        (&json!("jsonl"), &json!("line 3"))
    );
    assert_eq!(
        result["others"],
        json!([
            { "place": "line 1", "verified": false, "code": "SH-ARTIFACT-SUBJECT" },
            { "place": "line 2", "verified": false, "code": "SH-BUNDLE-VERSION" },
        ])
    );
    let ran = desk.verify(&["d/a", "--verbose"]).exits(0);
    assert!(ran.stdout.contains("line 1"), "{ran:?}");
    // None of them is not.
    let lines = format!("{}\n{broken}\n", about("b"));
    desk.place.write("d/a.jsonl", lines);
    let ran = desk.verify(&["d/a"]).exits(12);
    assert!(ran.stderr.contains("SH-BUNDLE-VERSION") || ran.stderr.contains("SH-ARTIFACT-SUBJECT"));

    // As GitHub's client names what it downloads, next to the file or where one stands.
    fs::remove_file(desk.place.path("d/a.jsonl")).unwrap();
    let ran = desk.verify(&["d/a"]).exits(10);
    assert!(ran.stderr.contains("d/a.sigstore.json"), "{ran:?}");
    for name in [
        format!("d/sha256:{}.jsonl", sum("a")),
        format!("sha256-{}.jsonl", sum("a")),
    ] {
        let path = desk.place.write(&name, about("a"));
        desk.verify(&["d/a"]).exits(0);
        desk.verify(&["d"])
            .exits(if name.starts_with('d') { 0 } else { 10 });
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn an_npm_package_needs_the_registry_and_the_builder() {
    const PUBLISH: &str = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";
    const SLSA: &str = "https://slsa.dev/provenance/v1";
    let desk = Desk::new();
    let (name, content) = ("pkg:npm/thing@1.0.0", b"a package");
    desk.place.write("thing-1.0.0.tgz", content);
    let publish = json!({ "name": "thing", "version": "1.0.0" });
    let publish = desk.statement(name, content, PUBLISH, &publish);
    let by_key = Kind {
        keying: Keying::ManagedKey,
        ..STATEMENT
    };
    let published = desk.forge.spoiled(by_key, |stage| {
        if let Stage::Sign(sign) = stage {
            sign.payload.clone_from(&publish);
        }
    });
    let built = desk.bundle(STATEMENT, &desk.statement(name, content, SLSA, &json!({})));
    let document = |published: &Value| {
        json!({ "attestations": [
            { "predicateType": PUBLISH, "bundle": published },
            { "predicateType": SLSA, "bundle": built },
        ]})
        .to_string()
    };
    desk.place.write("npm.json", document(&published.json));
    let keys = |expires: i64| {
        json!({ "keys": [{
            "keyid": "SHA256:any",
            "expires": SIGNED_AT.plus_seconds(expires).to_string(),
            "key": BASE64_STANDARD.encode(published.key.spki_der()),
        }]})
        .to_string()
    };
    desk.place.write("keys.json", keys(0));
    let verify = |exit: i32, code: Option<&str>| {
        let args = [
            "thing-1.0.0.tgz",
            "--bundle",
            "npm.json",
            "--registry-keys",
            "keys.json",
            "--json",
        ];
        let document = desk.verify(&args).exits(exit).json();
        assert_eq!(results(&document), [("thing-1.0.0.tgz", code)]);
        document["results"][0].clone()
    };
    let result = verify(0, None);
    assert_eq!(
        (&result["form"], &result["place"]),
        (&json!("npm"), &json!("attestation 2"))
    );
    assert_eq!(result["others"][0]["verified"], true);
    // The registry's word has to hold, whoever built it.
    desk.place.write("keys.json", keys(-1));
    verify(12, Some("SH-KEY-WINDOW"));
    desk.place.write("keys.json", keys(0));
    let mut damaged = published.json.clone();
    damaged["dsseEnvelope"]["signatures"][0]["sig"] = json!(BASE64_STANDARD.encode(b"no"));
    desk.place.write("npm.json", document(&damaged));
    verify(12, Some("SH-SIGNATURE"));
    // By default the keys are the public registry's, which did not sign this.
    desk.place.write("npm.json", document(&published.json));
    desk.verify(&["thing-1.0.0.tgz", "--bundle", "npm.json"])
        .exits(12);
    let ran = desk.verify(&[
        "thing-1.0.0.tgz",
        "--bundle",
        "npm.json",
        "--registry-keys",
        "trust/root.json",
    ]);
    assert!(ran.exits(30).stderr.contains("SH-TRUST-KEYS"));
}

/// A list speaks for no file that its signer may not sign.
#[test]
fn a_list_is_as_good_as_its_signer() {
    let desk = Desk::new();
    desk.place.write("d/a.txt", "a");
    desk.place.write("d/b.zip", "b");
    let list = format!("{}  a.txt\n{}  b.zip\n", sum("a"), sum("b"));
    desk.signed("d/SHA256SUMS", &list, ".sigstore.json");
    let verify = |files: &str| {
        let signer =
            format!("[signers.ada]\nidentity = \"{IDENTITY}\"\nissuer = \"{ISSUER}\"\n{files}\n");
        desk.place.write("trust.toml", signer);
        let root = ["--trusted-root", "trust/root.json"];
        let what = ["verify", "--trust", "trust.toml", "--json", "d/SHA256SUMS"];
        desk.place.run(what.iter().chain(&root))
    };
    let codes = |ran: Ran| -> Vec<Option<String>> {
        let document = ran.json();
        let codes = results(&document).into_iter().map(|(_, code)| code);
        codes.map(|code| code.map(ToOwned::to_owned)).collect()
    };
    assert_eq!(codes(verify("").exits(0)), [None, None, None]);
    let all = "files = [\"d/SHA256SUMS\", \"d/*.txt\", \"d/*.zip\"]";
    assert_eq!(codes(verify(all).exits(0)), [None, None, None]);
    let refused = Some("SH-SIGNER-FILE".to_owned());
    let some = "files = [\"d/SHA256SUMS\", \"d/*.txt\"]";
    assert_eq!(codes(verify(some).exits(22)), [None, None, refused.clone()]);
    // Not even the list.
    let ran = verify("files = [\"d/*.txt\"]").exits(22);
    assert_eq!(codes(ran), [refused]);
}

/// By its size, before any of it is read.
#[test]
fn a_huge_bundle_is_not_read() {
    let desk = Desk::new();
    desk.place.write("a", "a");
    sparse(&desk.place.path("a.sigstore.json"), 5 << 30);
    let ran = desk.verify(&["a"]).exits(1);
    assert!(ran.stderr.contains("SH-FILE-TOO-LARGE"), "{ran:?}");
}

/// Made of nothing but its length.
fn sparse(path: &Path, length: u64) {
    File::create(path).unwrap().set_len(length).unwrap();
}
