//! Too much of anything is refused with its exact reason, and in little memory: each case runs in a process of its own,
//! whose peak is read from the kernel.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod forge;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use signhere_log::checkpoint::SignedCheckpoint;
use signhere_log::policy::Policy as LogPolicy;
use signhere_log::witness::AddCheckpoint;
use signhere_pki::cert::Certificate;
use signhere_pki::cms::SignedData;
use signhere_pki::jwt::{Jwks, Jwt};
use signhere_pki::key::PublicKey;
use signhere_pki::pem;
use signhere_pki::sct::SctList;
use signhere_pki::tsp::TimestampResponse;
use signhere_testkit::der::Tlv;
use signhere_testkit::forge::{Forge, Kind, RootVersion};
use signhere_verify::bundle::Bundle;
use signhere_verify::intoto::Statement;
use signhere_verify::policy::{Identity, TrustFile};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::tuf::{self, Metadata};

/// An input, what reads it, what that says, and how many KiB more than the input it may take.
struct Case {
    name: &'static str,
    input: fn() -> Vec<u8>,
    read: fn(&[u8]) -> String,
    expected: &'static str,
    kibibytes: u64,
}

const CASES: &[Case] = &[
    Case {
        name: "a bundle over 16 MiB",
        input: || vec![b' '; (16 << 20) + 1],
        read: bundle,
        expected: "the document is 16777217 bytes long, more than 16777216",
        kibibytes: 4_096,
    },
    Case {
        name: "200 copies of a log entry",
        input: || entries(200),
        read: bundle,
        expected: "`verificationMaterial.tlogEntries` has 200 elements, more than 32",
        kibibytes: 4_096,
    },
    Case {
        name: "100,000 hashes in a proof",
        input: || {
            let mut bundle = Forge::new().bundle(Kind::PLAIN).json;
            let hashes =
                &mut bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["hashes"];
            *hashes = vec![hashes[0].clone(); 100_000].into();
            bundle.to_string().into_bytes()
        },
        read: bundle,
        expected: "`verificationMaterial.tlogEntries[0].inclusionProof.hashes` has 100000 elements, more than 64",
        kibibytes: 16_384,
    },
    Case {
        name: "100,000 certificates in a chain",
        input: || {
            let certificates = vec![json!({ "rawBytes": "MAA=" }); 100_000];
            let bundle = json!({
                "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
                "verificationMaterial": { "x509CertificateChain": { "certificates": certificates } },
            });
            bundle.to_string().into_bytes()
        },
        read: bundle,
        expected: "`verificationMaterial.x509CertificateChain.certificates` has 100000 elements, more than 16",
        kibibytes: 32_768,
    },
    Case {
        name: "5,000,000 values in an unknown field",
        input: || format!("{{\"x\":[{}7]}}", "7,".repeat(5_000_000)).into_bytes(),
        read: bundle,
        expected: "the document holds more than 1048576 values",
        kibibytes: 131_072,
    },
    Case {
        name: "8,000,000 levels",
        input: || vec![b'['; 8_000_000],
        read: bundle,
        expected: "values are nested more than 64 deep",
        kibibytes: 4_096,
    },
    Case {
        name: "a certificate of 11 MiB in base64",
        input: || {
            let bundle = json!({
                "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                "verificationMaterial": { "certificate": { "rawBytes": "A".repeat(15 << 20) } },
            });
            bundle.to_string().into_bytes()
        },
        read: bundle,
        expected: "certificate 0: certificate of 11796480 bytes, at most 65536 are read",
        kibibytes: 16_384,
    },
    Case {
        name: "a million subjects",
        input: || {
            let subjects = vec![r#"{"digest":{"sha256":"00"}}"#; 1_000_000].join(",");
            let head =
                r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"p","subject":["#;
            format!("{head}{subjects}]}}").into_bytes()
        },
        read: |input| error(Statement::parse(input)),
        expected: "the statement has more than 1024 subjects",
        kibibytes: 4_096,
    },
    Case {
        name: "a statement of 10,000,000 levels",
        input: || [b"{\"predicate\":".as_slice(), &vec![b'['; 10_000_000]].concat(),
        read: |input| error(Statement::parse(input)),
        expected: "the statement: values are nested more than 64 deep",
        kibibytes: 4_096,
    },
    Case {
        name: "a trusted root of 100,000 logs",
        input: || {
            let mut root = Forge::new().trusted_root(RootVersion::V0_1);
            root["tlogs"] = vec![json!({}); 100_000].into();
            root.to_string().into_bytes()
        },
        read: |input| error(TrustedRoot::parse(input)),
        expected: "`tlogs` has 100000 elements, more than 64",
        kibibytes: 16_384,
    },
    Case {
        name: "a checkpoint with a line of 900,000 bytes",
        input: || format!("{}\n1\nAAAA\n\n\u{2014} x AAAAAAAA\n", "x".repeat(900_000)).into_bytes(),
        read: |input| error(SignedCheckpoint::parse(input)),
        expected: "\"AAAA\" is not a root hash",
        kibibytes: 4_096,
    },
    Case {
        name: "a checkpoint of 10,000,000 bytes",
        input: || vec![b'x'; 10_000_000],
        read: |input| error(SignedCheckpoint::parse(input)),
        expected: "the note has 10000000 bytes, the limit is 1000000",
        kibibytes: 4_096,
    },
    Case {
        name: "a checkpoint with 50,000 signatures",
        input: || {
            format!(
                "x\n1\n{}=\n{}",
                "A".repeat(43),
                "\n\u{2014} x AAAAAAAA".repeat(50_000) + "\n"
            )
            .into_bytes()
        },
        read: |input| error(SignedCheckpoint::parse(input)),
        expected: "the note has more than 100 signatures",
        kibibytes: 4_096,
    },
    Case {
        name: "100,000 hashes for a witness",
        input: || {
            format!(
                "old 1\n{}",
                format!("{}=\n", "A".repeat(43)).repeat(100_000)
            )
            .into_bytes()
        },
        read: |input| error(AddCheckpoint::parse(input)),
        expected: "the request is malformed: expected less than 512 KiB",
        kibibytes: 4_096,
    },
    Case {
        name: "10,000 witnesses in a policy",
        input: || "witness w k\n".repeat(10_000).into_bytes(),
        read: |input| error(LogPolicy::parse(input)),
        expected: "the policy has 120000 bytes, the limit is 65536",
        kibibytes: 4_096,
    },
    Case {
        name: "a certificate of 1 MiB",
        input: || Tlv::octets(vec![0; 1 << 20]).to_der(),
        read: |input| error(Certificate::from_der(input)),
        expected: "certificate of 1048581 bytes, at most 65536 are read",
        kibibytes: 4_096,
    },
    Case {
        name: "100,000 certificates in PEM",
        input: || {
            pem::encode("CERTIFICATE", &[0x30, 0])
                .repeat(100_000)
                .into_bytes()
        },
        read: |input| {
            error(Certificate::list_from_pem(
                std::str::from_utf8(input).unwrap(),
            ))
        },
        expected: "not one PEM block CERTIFICATE",
        kibibytes: 4_096,
    },
    Case {
        name: "a key of 10 MiB",
        input: || Tlv::octets(vec![0; 10 << 20]).to_der(),
        read: |input| error(PublicKey::from_spki_der(input)),
        expected: "the key has 10485765 bytes, more than 1024",
        kibibytes: 4_096,
    },
    Case {
        name: "a signed message of 1 MiB",
        input: || Tlv::octets(vec![0; 1 << 20]).to_der(),
        read: |input| error(SignedData::from_der(input)),
        expected: "signed message of 1048581 bytes, at most 262144 are read",
        kibibytes: 4_096,
    },
    Case {
        name: "a timestamp of 1 MiB",
        input: || Tlv::octets(vec![0; 1 << 20]).to_der(),
        read: |input| error(TimestampResponse::from_der(input)),
        expected: "timestamp of 1048581 bytes, at most 262144 are read",
        kibibytes: 4_096,
    },
    Case {
        name: "13,000 timestamps of logs",
        input: || {
            let list = [0, 3, 0, 0, 0].repeat(13_000);
            let length = u16::try_from(list.len()).unwrap().to_be_bytes();
            Tlv::octets([&length, list.as_slice()].concat()).to_der()
        },
        read: |input| error(SctList::from_extension(input)),
        expected: "malformed list of signed certificate timestamps",
        kibibytes: 4_096,
    },
    Case {
        name: "a token of 10 MiB",
        input: || vec![b'.'; 10 << 20],
        read: |input| error(Jwt::parse(std::str::from_utf8(input).unwrap())),
        expected: "the token has 10485760 bytes, more than 65536",
        kibibytes: 4_096,
    },
    Case {
        name: "10,000 keys of an issuer",
        input: || format!("{{\"keys\":[{}{{}}]}}", "{},".repeat(10_000)).into_bytes(),
        read: |input| error(Jwks::parse(input)),
        expected: "the key set has 10001 keys, more than 64",
        kibibytes: 4_096,
    },
    Case {
        name: "a root of TUF over 512 KiB",
        input: || vec![b' '; 1 << 20],
        read: |input| error(Metadata::<tuf::Root>::parse(input)),
        expected: "the document is 1048576 bytes long, more than 524288",
        kibibytes: 4_096,
    },
    Case {
        name: "a snapshot of TUF of 500,000 documents",
        input: || {
            let meta: Vec<String> = (0..500_000).map(|n| format!("\"{n}\":0")).collect();
            format!("{{\"signed\":{{{}}}}}", meta.join(",")).into_bytes()
        },
        read: |input| error(Metadata::<tuf::Snapshot>::parse(input)),
        expected: "the document is 5388902 bytes long, more than 4194304",
        kibibytes: 4_096,
    },
    Case {
        name: "a trust file of 100 MiB",
        input: || b"#\n".repeat(50 << 20),
        read: trust_file,
        expected: "trust.toml: it has more than 262144 bytes",
        kibibytes: 4_096,
    },
    Case {
        name: "a trust file of 100,000 levels by dots",
        input: || format!("{}a = 1\n", "a.".repeat(100_000)).into_bytes(),
        read: trust_file,
        expected: "trust.toml:1:1: it is not TOML",
        kibibytes: 65_536,
    },
    Case {
        name: "a trust file of 200,000 levels by brackets",
        input: || format!("a = {}\n", "[".repeat(200_000)).into_bytes(),
        read: trust_file,
        expected: "trust.toml:1:85: it is not TOML: cannot recurse further",
        kibibytes: 65_536,
    },
    Case {
        name: "a trust file of 100,000 levels by a header",
        input: || format!("[{}a]\n", "a.".repeat(100_000)).into_bytes(),
        read: trust_file,
        expected: "trust.toml:1:",
        kibibytes: 65_536,
    },
    Case {
        name: "a trust file of 40,000 tables",
        input: || "[[a]]\n".repeat(40_000).into_bytes(),
        read: trust_file,
        expected: "trust.toml:1:3: `a` is no key",
        kibibytes: 65_536,
    },
    Case {
        name: "an identity of 1 MiB",
        input: || format!("https://a.example/{}", "a/".repeat(1 << 19)).into_bytes(),
        read: |input| error(Identity::parse(std::str::from_utf8(input).unwrap())),
        expected: "an identity has at most 2048 bytes",
        kibibytes: 4_096,
    },
];

#[test]
fn too_much_is_refused_in_little_memory() {
    let me = std::env::current_exe().unwrap();
    let mut wrong = Vec::new();
    for case in CASES {
        let child = Command::new(&me)
            .args(["--exact", "one_case", "--nocapture"])
            .env("BOUNDS_CASE", case.name)
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&child.stdout).into_owned();
        if !child.status.success() {
            wrong.push(format!("{}: {output}", case.name));
        }
        let Some(grown) = output
            .lines()
            .find_map(|line| line.strip_prefix("grown by "))
        else {
            println!("SKIPPED the peak of memory: no /proc here");
            return;
        };
        let grown: u64 = grown.parse().unwrap();
        if grown > case.kibibytes {
            wrong.push(format!("{}: {grown} KiB", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The case that the environment names: the other test's own process.
#[test]
fn one_case() {
    let Ok(named) = std::env::var("BOUNDS_CASE") else {
        let names: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len(), "a name stands for one case");
        return;
    };
    let case = CASES.iter().find(|case| case.name == named).unwrap();
    let input = (case.input)();
    let before = reset_peak();
    let start = ticks();
    let found = (case.read)(&input);
    // Of its own time, whatever else the machine does: milliseconds are the rule.
    if let (Some(start), Some(end)) = (start, ticks()) {
        let took = end.saturating_sub(start);
        assert!(took < 1_000, "{named}: {took} hundredths of a second");
    }
    if let Some(before) = before {
        let peak = kibibytes("VmHWM:").unwrap();
        println!("\ngrown by {}", peak.saturating_sub(before));
    }
    assert!(found.starts_with(case.expected), "{named}: {found}");
}

/// The time that this process has computed so far, in hundredths of a second (proc_pid_stat(5), utime and stime).
fn ticks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// What is in memory now, from which the peak counts again (proc_pid_clear_refs(5)).
fn reset_peak() -> Option<u64> {
    fs::write("/proc/self/clear_refs", "5").ok()?;
    kibibytes("VmRSS:")
}

fn kibibytes(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn bundle(input: &[u8]) -> String {
    error(Bundle::parse(input))
}

fn trust_file(input: &[u8]) -> String {
    let text = std::str::from_utf8(input).unwrap();
    error(TrustFile::parse(text, "trust.toml", None, &|_| {
        Err("no files here".to_owned())
    }))
}

fn error<T, E: std::fmt::Display>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn entries(count: usize) -> Vec<u8> {
    let mut bundle: Value = Forge::new().bundle(Kind::PLAIN).json;
    let list = &mut bundle["verificationMaterial"]["tlogEntries"];
    *list = vec![list[0].clone(); count].into();
    bundle.to_string().into_bytes()
}
