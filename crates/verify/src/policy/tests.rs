use std::sync::Arc;

use proptest::prelude::*;
use signhere_pki::time::Time;

use super::*;
use crate::error::Reason;
use crate::verdict::{
    ArtifactEvidence, ExtensionEvidence, IdentityEvidence, Step, TimeEvidence, TimeSource,
};

const RELEASE: &str = "https://github.com/acme/tool/.github/workflows/release.yml@refs/tags/*";
const GITHUB: &str = "https://token.actions.githubusercontent.com";

fn problem(text: &str) -> (IdentityProblem, String) {
    let error = Identity::parse(text).expect_err(text);
    let place = text.get(error.span).unwrap_or_default().to_owned();
    (error.problem, place)
}

fn matches(pattern: &str, found: &str) -> bool {
    Identity::parse(pattern)
        .expect(pattern)
        .matches(found, "uri")
}

#[test]
fn what_is_too_wide_or_looks_like_something_else_is_no_identity() {
    use IdentityProblem as P;
    let long = format!("https://example.com/{}", "a".repeat(MAX_IDENTITY_BYTES));
    for (text, expected, place) in [
        ("", P::Empty, ""),
        (long.as_str(), P::Length, long.as_str()),
        ("alice", P::Kind, "alice"),
        ("@example.com", P::Kind, "@example.com"),
        (
            "https://github.com/acme/too\u{301}l",
            P::NotAscii,
            "\u{301}",
        ),
        ("https://g\u{456}thub.com/acme/tool", P::NotAscii, "\u{456}"),
        (
            "https://github.com/acme\u{200b}/tool",
            P::NotAscii,
            "\u{200b}",
        ),
        (
            "https://github.com/\u{202e}acme/tool",
            P::NotAscii,
            "\u{202e}",
        ),
        ("https://github.com/ａcme/tool", P::NotAscii, "ａ"),
        ("https://github.com/acme/tool ", P::NotAscii, " "),
        ("https://github.com/acme\0/tool", P::NotAscii, "\0"),
        ("https://github.com\\evil/acme", P::Host, "github.com\\evil"),
        ("https://github.com/acme\\tool", P::Character, "\\"),
        ("https://github.com/acme/%74ool", P::Percent, "%"),
        ("https://github.com/acme/tool?x=y", P::Query, "?"),
        ("https://github.com/acme/tool#x", P::Query, "#"),
        ("https://github.com?x", P::Query, "?"),
        ("http://github.com/acme", P::Scheme, "http"),
        ("HTTPS://github.com/acme", P::Scheme, "HTTPS"),
        ("file:///etc/passwd", P::Scheme, "file"),
        (
            "https://github.com@evil.example/acme",
            P::UserInfo,
            "github.com@",
        ),
        ("https://a:b@github.com/acme", P::UserInfo, "a:b@"),
        ("https://GitHub.com/acme", P::Host, "GitHub.com"),
        ("https://github.com./acme", P::Host, "github.com."),
        ("https://github..com/acme", P::Host, "github..com"),
        ("https:///acme", P::Host, "/"),
        ("https://[::1]/acme", P::Host, "["),
        ("https://github.com:443/acme", P::Port, ":443"),
        ("https://github.com:0443/acme", P::Port, ":0443"),
        ("https://github.com:/acme", P::Port, ":"),
        ("https://github.com:99999/acme", P::Port, ":99999"),
        ("https://github.com/acme/", P::EmptySegment, "/"),
        ("https://github.com//acme", P::EmptySegment, "/"),
        ("https://github.com/a//b//c", P::EmptySegment, "/"),
        ("https://github.com/acme/../evil", P::DotSegment, ".."),
        ("https://github.com/./acme", P::DotSegment, "."),
        ("https://*/acme", P::WildcardHost, "*"),
        ("https://*.github.com/acme", P::WildcardHost, "*"),
        ("https://github.com*/acme", P::WildcardHost, "*"),
        ("*://github.com/acme", P::WildcardHost, "*"),
        ("https://github.com/*", P::WildcardOwner, "*"),
        ("https://github.com/*/tool", P::WildcardOwner, "*"),
        ("https://github.com/acme/to*", P::WildcardPart, "to*"),
        ("https://github.com/acme/**", P::WildcardPart, "**"),
        (
            "https://github.com/acme/tool@refs/tags/v*",
            P::WildcardPart,
            "v*",
        ),
        ("https://github.com/acme/tool@refs/*", P::WildcardRef, "*"),
        (
            "https://github.com/acme/tool@refs/pull/*/merge",
            P::WildcardRef,
            "*",
        ),
        ("https://github.com/acme/tool@*", P::WildcardPart, "tool@*"),
        ("*@example.com", P::WildcardName, "*"),
        ("alice@*", P::WildcardName, "*"),
        ("alice@*.example.com", P::WildcardName, "*"),
        ("alice!*", P::WildcardName, "*"),
        ("alice@Example.com", P::Host, "Example.com"),
        ("alice@example.com.", P::Host, "example.com."),
        ("alice@bob@example.com", P::Host, "bob@example.com"),
        ("\"alice\"@example.com", P::Character, "\""),
        ("<alice@example.com", P::Character, "<"),
    ] {
        let (found, at) = problem(text);
        assert_eq!((found, at.as_str()), (expected, place), "{text:?}");
    }
}

#[test]
fn real_identities_are_taken() {
    for (text, kind) in [
        ("alice+tag@example.com", IdentityKind::Email),
        ("ci@project.iam.gserviceaccount.com", IdentityKind::Email),
        ("alice!example.com", IdentityKind::Username),
        ("spiffe://example.com/ns/prod/sa/ci", IdentityKind::Uri),
        ("https://dotcom.releases.github.com", IdentityKind::Uri),
        (
            "https://gitlab.com/group/project//.gitlab-ci.yml@refs/heads/main",
            IdentityKind::Uri,
        ),
        (
            "https://git.example.com:8443/a/b/.github/workflows/r.yml@refs/heads/main",
            IdentityKind::Uri,
        ),
        (
            "https://kubernetes.io/namespaces/ci/serviceaccounts/signer",
            IdentityKind::Uri,
        ),
        (
            "https://github.com/a/b/.github/workflows/r.yml@refs/tags/@a/b@1.0",
            IdentityKind::Uri,
        ),
        ("http://127.0.0.1:3003/x", IdentityKind::Uri),
        (RELEASE, IdentityKind::Uri),
    ] {
        let identity = Identity::parse(text).expect(text);
        assert_eq!(identity.kind(), kind, "{text}");
        // A pattern is no identity that anybody has: it does not match itself.
        assert_eq!(
            identity.matches(text, kind.as_str()),
            identity.is_exact(),
            "{text}"
        );
        assert!(!identity.matches(text, "dns"), "{text}");
    }
}

#[test]
fn a_pattern_meets_what_it_says_and_nothing_beside_it() {
    let tag = |name: &str| RELEASE.replace('*', name);
    for name in ["v1.0", "release/1.0", "@acme/tool@1.2.3", "v1+build"] {
        assert!(matches(RELEASE, &tag(name)), "{name}");
    }
    for name in [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "..",
        "a/../b",
        ".a",
        "a.",
        "a.lock",
        "a b",
        "a%2fb",
        "a?b",
        "a#b",
        "v\u{200b}1",
        "v\u{e9}",
        "a\\b",
        "a*b",
        "*",
        "x@refs/heads/main",
        "x/ci.yml@refs/heads/evil",
        "a~b:c",
        "a\nb",
    ] {
        assert!(!matches(RELEASE, &tag(name)), "{name:?}");
    }
    let found = tag("v1");
    for (from, to) in [
        ("https://", "http://"),
        ("https://", "https://evil.example/"),
        ("github.com", "github.com.evil.example"),
        ("github.com", "evilgithub.com"),
        ("github.com", "github.com."),
        ("github.com", "GitHub.com"),
        ("github.com", "github.com:443"),
        ("github.com", "github.com:8443"),
        ("github.com", "acme@github.com"),
        ("github.com", "gith\u{1d62}b.com"),
        ("/acme/", "/Acme/"),
        ("/acme/", "/acme-/"),
        ("/acme/", "/xacme/"),
        ("/acme/", "/acme//"),
        ("/acme/", "/evil/../acme/"),
        ("/acme/", "/%61cme/"),
        ("/acme/tool/", "/acme/tool/x/"),
        ("/acme/tool/", "/acme/"),
        ("release.yml", "release.yml/x"),
        ("release.yml", "xrelease.yml"),
        ("release.yml", "release.yaml"),
        ("refs/tags/", "refs/heads/"),
        ("refs/tags/", "refs/pull/"),
        ("refs/tags/", "refs/Tags/"),
        ("@refs", "@x/refs"),
        ("@refs", "#@refs"),
    ] {
        let spoiled = found.replacen(from, to, 1);
        assert_ne!(spoiled, found);
        assert!(!matches(RELEASE, &spoiled), "{spoiled}");
        // Exact ones are no better to fool.
        assert!(!matches(&found, &spoiled), "{spoiled}");
    }
    assert!(!matches(RELEASE, &format!("{found} ")));
    assert!(!Identity::parse(RELEASE).unwrap().matches(&found, "email"));

    let repository = "https://github.com/acme/*/.github/workflows/r.yml@refs/heads/main";
    let with = |name: &str| repository.replace('*', name);
    assert!(matches(repository, &with("tool")));
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "a@b",
        "a%b",
        "a:b",
        "x/.github/workflows/r.yml@refs/heads/main#",
    ] {
        assert!(!matches(repository, &with(name)), "{name:?}");
    }
    let branch = "https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/release/*";
    assert!(matches(branch, &branch.replace('*', "1.0")));
    assert!(!matches(branch, &branch.replace('*', "1/0")));
    assert!(!matches(
        branch,
        &branch
            .replace("//", "/")
            .replace('*', "1.0")
            .replace("https:/", "https://")
    ));
}

#[test]
fn issuers_are_exact_web_addresses() {
    for good in [
        GITHUB,
        "https://accounts.google.com",
        "http://127.0.0.1:3003/oidc",
        "https://a.example/x/",
        "fulcio.githubapp.com",
    ] {
        assert_eq!(Issuer::parse(good).unwrap().as_str(), good);
    }
    for (text, error) in [
        ("https://*.example.com", IssuerError::Wildcard),
        ("http://accounts.google.com", IssuerError::Url),
        ("https://accounts.google.com@evil.example", IssuerError::Url),
        ("https://accounts.google.com/?x", IssuerError::Url),
        ("https://Accounts.google.com", IssuerError::Url),
        ("https://accounts.google.com./", IssuerError::Url),
        ("https://accounts.go\u{200b}ogle.com", IssuerError::Url),
        ("accounts google", IssuerError::Url),
        ("google", IssuerError::Url),
        ("", IssuerError::Url),
    ] {
        assert_eq!(Issuer::parse(text), Err(error), "{text}");
    }
    assert_eq!(Issuer::named("github").unwrap().as_str(), GITHUB);
    for (name, url) in KNOWN_ISSUERS {
        assert_eq!(Issuer::parse(url).unwrap().short(), Some(name));
    }
}

#[test]
fn patterns_of_files_cover_the_whole_name() {
    let file = |pattern: &str, path: &str| {
        let name = path.rsplit('/').next().unwrap();
        FilePattern::parse(pattern)
            .unwrap()
            .matches(name, Some(path))
    };
    for (pattern, path) in [
        ("*.tar.gz", "dist/a.tar.gz"),
        ("a", "x/y/a"),
        ("dist/*.whl", "dist/a-1.whl"),
        ("tool-*-linux-*", "tool-1-linux-x86"),
        ("*", "anything"),
        ("*aa", "aaa"),
        ("a*a", "aa"),
    ] {
        assert!(file(pattern, path), "{pattern} {path}");
    }
    for (pattern, path) in [
        ("*.tar.gz", "a.tar.gz.exe"),
        ("*.tar.gz", "a.tar_gz"),
        ("a", "xa"),
        ("a", "a/b"),
        ("dist/*.whl", "a.whl"),
        ("dist/*.whl", "x/dist/a.whl"),
        ("dist/*.whl", "dist/x/a.whl"),
        ("a*a", "a"),
        ("a*b*a", "aba-"),
        ("A", "a"),
    ] {
        assert!(!file(pattern, path), "{pattern} {path}");
    }
    assert!(!FilePattern::parse("dist/a").unwrap().matches("a", None));
    for (text, error) in [
        ("", FilePatternError::Length),
        ("a//b", FilePatternError::Segment),
        ("/a", FilePatternError::Segment),
        ("../a", FilePatternError::Segment),
        ("**/a", FilePatternError::Stars),
        ("a\\b", FilePatternError::Character),
        ("a\u{202e}b", FilePatternError::Character),
        ("a\u{200b}b", FilePatternError::Character),
    ] {
        assert_eq!(FilePattern::parse(text), Err(error), "{text:?}");
    }
}

fn no_file(_: &str) -> Result<String, String> {
    Err("there is no such file".to_owned())
}

fn read(text: &str) -> Result<TrustFile, TrustFileError> {
    TrustFile::parse(text, "trust.toml", Some("/repo"), &no_file)
}

/// The message, the two lines of the excerpt.
fn mistake(text: &str) -> String {
    let error = read(text).expect_err(text);
    let place = error.place.as_ref().map(|place| place.excerpt().join("\n"));
    format!("{error}\n{}", place.unwrap_or_default())
}

#[test]
fn a_mistake_is_shown_in_its_line() {
    let signer = "[signers.a]\nissuer = \"https://accounts.google.com\"\n";
    for (text, expected) in [
        (
            "[signers.a]\nidentiti = \"a@b.example\"\n",
            "trust.toml:1:1: [signers.a] does not say who it is, or says it twice\n1 | [signers.a]\n  | ^^^^^^^^^^^",
        ),
        (
            "[signers.a]\nidentity = \"https://x.example/acme/v*\"\nissuer = \"https://x.example\"\n",
            "trust.toml:2:36: * stands for a whole segment or a whole ref name, never for a part of one\n\
          2 | identity = \"https://x.example/acme/v*\"\n  |                                    ^^",
        ),
        (
            "[signers.a]\nidentity = \"a@b.example\"\nissuer = \"https://*\"\n",
            "trust.toml:3:10: an issuer is exact: whoever is matched by * vouches for anybody\n3 | issuer = \"https://*\"\n  |          ^^^^^^^^^^^",
        ),
        (
            "[signers.a]\nidentity = \"a@b.example\"\n",
            "trust.toml:1:1: `issuer` is missing in [signers.a]\n1 | [signers.a]\n  | ^^^^^^^^^^^",
        ),
        (
            &format!("{signer}identity = \"a@b.example\"\nthreshold = 2\n"),
            "trust.toml:4:1: `threshold` is no key of [signers.a]\n4 | threshold = 2\n  | ^^^^^^^^^",
        ),
        (
            &format!("{signer}identity = \"a@b.example\"\nuntil = 2026-01-01\n"),
            "trust.toml:4:9: `until` has a value that cannot be\n4 | until = 2026-01-01\n  |         ^^^^^^^^^^",
        ),
        (
            &format!(
                "{signer}identity = \"a@b.example\"\nfrom = 2026-01-02T00:00:00Z\nuntil = 2026-01-01T00:00:00Z\n"
            ),
            "trust.toml:5:9: `until` is before `from`: no time lies between them\n5 | until = 2026-01-01T00:00:00Z\n  |         ^^^^^^^^^^^^^^^^^^^^",
        ),
        (
            &format!("{signer}identity = \"a@b.example\"\nfiles = [\"a\", \"../b\"]\n"),
            "trust.toml:4:15: a path in a pattern has no empty segment, no . and no ..\n4 | files = [\"a\", \"../b\"]\n  |               ^^^^^^",
        ),
        (
            "[signers.\"a b\"]\nidentity = \"a@b.example\"\n",
            "trust.toml:1:1: a name has 1 to 64 letters, digits, - and _\n1 | [signers.\"a b\"]\n  | ^^^^^^^^^^^^^^^",
        ),
        (
            "[signers.a]\nkey_file = \"../key.pub\"\n",
            "trust.toml:2:12: `key_file` has a value that cannot be\n2 | key_file = \"../key.pub\"\n  |            ^^^^^^^^^^^^",
        ),
        (
            "[signers.a]\nkey_file = \"key.pub\"\n",
            "trust.toml:2:12: the key cannot be used: there is no such file\n2 | key_file = \"key.pub\"\n  |            ^^^^^^^^^",
        ),
        (
            "[instances.corp]\nurl = \"https://sign.example.com\"\nfingerprint = \"AB\"\n",
            "trust.toml:3:15: `fingerprint` has a value that cannot be\n3 | fingerprint = \"AB\"\n  |               ^^^^",
        ),
        (
            "signers = 1\n",
            "trust.toml:1:11: `signers` has a value of the wrong type\n1 | signers = 1\n  |           ^",
        ),
    ] {
        assert_eq!(mistake(text), expected);
    }
    assert!(mistake("[signers.a\n").starts_with("trust.toml:1:"));
    assert!(mistake("[signers.a]\n[signers.a]\n").contains("it is not TOML"));
}

#[test]
fn what_is_too_large_is_not_read() {
    let large = " ".repeat(MAX_TRUST_FILE_BYTES + 1);
    assert_eq!(*read(&large).unwrap_err().problem, TrustFileProblem::Size);
    let many: String = (0..=MAX_SIGNERS)
        .map(|n| format!("[signers.s{n}]\n"))
        .collect();
    assert_eq!(*read(&many).unwrap_err().problem, TrustFileProblem::Signers);
    let values = "\"a\",".repeat(65);
    let text = format!(
        "[signers.a]\nidentity=\"a@b.example\"\nissuer=\"https://b.example\"\nfiles=[{values}]\n"
    );
    let expected = TrustFileProblem::Many {
        key: "files",
        most: 64,
    };
    assert_eq!(*read(&text).unwrap_err().problem, expected);
    let deep = format!("a = {}", "[".repeat(10_000));
    assert!(matches!(
        *read(&deep).unwrap_err().problem,
        TrustFileProblem::Toml(_)
    ));
}

fn signer(name: &str, identity: &str, issuer: &str) -> Signer {
    let who = Who::Identity {
        identity: Identity::parse(identity).unwrap(),
        issuer: Issuer::named(issuer).unwrap(),
        repository: None,
        repository_id: None,
    };
    Signer::new(name, who)
}

fn evidence(identity: &str, issuer: &str) -> IdentityEvidence {
    IdentityEvidence {
        identity: identity.to_owned(),
        kind: if identity.contains("://") {
            "uri"
        } else {
            "email"
        },
        issuer: issuer.to_owned(),
        issuer_from: "certificate",
        extensions: Vec::new(),
    }
}

fn steps(found: IdentityEvidence, predicate: Option<&str>, times: &[i64]) -> Vec<Step> {
    let time = |seconds: &i64| TimeSource {
        time: Time::from_unix(*seconds),
        kind: "timestamp",
        authority: "tsa".to_owned(),
        serial: None,
    };
    vec![
        Step::Artifact(ArtifactEvidence {
            digest: None,
            subject: None,
            predicate_type: predicate.map(ToOwned::to_owned),
        }),
        Step::Time(TimeEvidence {
            times: times.iter().map(time).collect(),
        }),
        Step::Identity(found),
    ]
}

fn ask(signers: Vec<Signer>) -> Question {
    let file = TrustFile::new("trust.toml", Some("/repo".to_owned()), signers);
    Question::new(Arc::new(Trusted::new(vec![file])))
}

fn why(question: &Question, steps: &[Step]) -> &'static str {
    match question.judge(steps) {
        Ok(_) => "yes",
        Err(failure) => failure.reason.code(),
    }
}

#[test]
fn times_are_closed_at_both_ends_and_every_one_counts() {
    let mut listed = signer("a", "a@b.example", "google");
    listed.lifetime.from = Some(Time::from_unix(100));
    listed.lifetime.until = Some(Time::from_unix(200));
    let found = || evidence("a@b.example", "https://accounts.google.com");
    let asked = ask(vec![listed.clone()]);
    for (times, expected) in [
        (&[100][..], "yes"),
        (&[200], "yes"),
        (&[100, 200], "yes"),
        (&[99], "SH-SIGNER-WINDOW"),
        (&[201], "SH-SIGNER-WINDOW"),
        (&[150, 201], "SH-SIGNER-WINDOW"),
        (&[], "SH-SIGNER-TIME"),
    ] {
        assert_eq!(
            why(&asked, &steps(found(), None, times)),
            expected,
            "{times:?}"
        );
    }
    // A revocation beats whoever else lists the signer, and counts from its very second.
    let mut revoked = signer("b", "a@b.example", "google");
    revoked.lifetime.revoked = Some(Time::from_unix(150));
    let asked = ask(vec![listed, revoked]);
    for (times, expected) in [
        (&[149][..], "yes"),
        (&[150], "SH-SIGNER-REVOKED"),
        (&[149, 150], "SH-SIGNER-REVOKED"),
        (&[], "SH-SIGNER-REVOKED"),
    ] {
        assert_eq!(
            why(&asked, &steps(found(), None, times)),
            expected,
            "{times:?}"
        );
    }
}

#[test]
fn what_may_be_signed_is_what_the_entry_names() {
    let found = || evidence("a@b.example", "https://accounts.google.com");
    let asked = |files: Option<&[&str]>, types: Option<&[&str]>| {
        let mut listed = signer("a", "a@b.example", "google");
        let pattern = |text: &&str| FilePattern::parse(text).unwrap();
        listed.files = files.map(|files| files.iter().map(pattern).collect());
        listed.attestations = types.map(|types| types.iter().map(ToString::to_string).collect());
        ask(vec![listed])
    };
    let judged = |question: Question, path: Option<&str>, predicate| {
        let question = match path {
            Some(path) => question.about(path),
            None => question,
        };
        why(&question, &steps(found(), predicate, &[1]))
    };
    let (file, other) = (Some("/repo/dist/a.whl"), Some("/elsewhere/dist/a.whl"));
    assert_eq!(judged(asked(None, None), None, None), "yes");
    assert_eq!(judged(asked(None, None), file, Some("p")), "yes");
    assert_eq!(judged(asked(Some(&["*.whl"]), None), other, None), "yes");
    assert_eq!(
        judged(asked(Some(&["dist/*.whl"]), None), file, None),
        "yes"
    );
    assert_eq!(
        judged(asked(Some(&["dist/*.whl"]), None), other, None),
        "SH-SIGNER-FILE"
    );
    assert_eq!(
        judged(asked(Some(&["*.whl"]), None), None, None),
        "SH-SIGNER-FILE"
    );
    assert_eq!(judged(asked(Some(&[]), None), file, None), "SH-SIGNER-FILE");
    // One kind that is named leaves the other out.
    assert_eq!(
        judged(asked(Some(&["*.whl"]), None), file, Some("p")),
        "SH-SIGNER-ATTESTATION"
    );
    assert_eq!(
        judged(asked(None, Some(&["p"])), file, None),
        "SH-SIGNER-FILE"
    );
    assert_eq!(judged(asked(None, Some(&["p"])), None, Some("p")), "yes");
    assert_eq!(
        judged(asked(None, Some(&["p"])), file, Some("q")),
        "SH-SIGNER-ATTESTATION"
    );
    assert_eq!(
        judged(asked(Some(&["*.whl"]), Some(&["p"])), file, Some("p")),
        "yes"
    );
    assert_eq!(
        judged(asked(Some(&["*.tgz"]), Some(&["p"])), file, Some("p")),
        "SH-SIGNER-FILE"
    );
}

#[test]
fn an_instance_that_somebody_runs_does_not_speak_for_the_public_ones() {
    let found = || {
        steps(
            evidence("a@b.example", "https://accounts.google.com"),
            None,
            &[1],
        )
    };
    let mut listed = signer("a", "a@b.example", "google");
    let on = |listed: &Signer, name: &str| why(&ask(vec![listed.clone()]).on(name), &found());
    assert_eq!(on(&listed, "public"), "yes");
    assert_eq!(on(&listed, "github"), "yes");
    assert_eq!(on(&listed, "staging"), "SH-SIGNER-INSTANCE");
    assert_eq!(on(&listed, "corp"), "SH-SIGNER-INSTANCE");
    listed.instances = Some(vec!["corp".to_owned()]);
    assert_eq!(on(&listed, "corp"), "yes");
    assert_eq!(on(&listed, "public"), "SH-SIGNER-INSTANCE");
}

#[test]
fn a_workflow_that_others_call_is_told_apart_by_what_was_built() {
    let shared = "https://github.com/shared/flows/.github/workflows/build.yml@refs/tags/v1";
    let mut listed = signer("a", shared, "github");
    if let Who::Identity {
        repository,
        repository_id,
        ..
    } = &mut listed.who
    {
        *repository = Some("https://github.com/acme/tool".to_owned());
        *repository_id = Some("42".to_owned());
    }
    let found = |repository: &str, id: &str| {
        let mut found = evidence(shared, GITHUB);
        let extension = |number: u32, value: &str| ExtensionEvidence {
            oid: format!("1.3.6.1.4.1.57264.1.{number}"),
            name: "x",
            value: value.to_owned(),
        };
        found.extensions = vec![extension(12, repository), extension(15, id)];
        steps(found, None, &[1])
    };
    let asked = ask(vec![listed]);
    assert_eq!(
        why(&asked, &found("https://github.com/acme/tool", "42")),
        "yes"
    );
    // Another caller; the same name, made anew by somebody else.
    for (repository, id, part) in [
        ("https://github.com/evil/tool", "42", "source repository"),
        ("https://github.com/acme/tool", "43", "source repository id"),
    ] {
        let failure = asked.judge(&found(repository, id)).unwrap_err();
        assert_eq!(failure.reason, Reason::IdentityMismatch);
        assert_eq!(failure.nearest.unwrap().part, part);
    }
    let bare = steps(evidence(shared, GITHUB), None, &[1]);
    assert_eq!(why(&asked, &bare), "SH-IDENTITY");
}

#[test]
fn the_nearest_miss_is_pointed_out() {
    let asked = ask(vec![
        signer("release", RELEASE, "github"),
        signer("alice", "alice@example.com", "google"),
    ]);
    let tag = RELEASE.replace('*', "v1");
    let google = "https://accounts.google.com";
    for (identity, issuer, expected) in [
        (
            tag.replace("/acme/", "/acrne/"),
            GITHUB,
            Some(("release", "owner", "acrne", true)),
        ),
        (
            tag.replace("/acme/", "/evil/"),
            GITHUB,
            Some(("release", "owner", "evil", false)),
        ),
        (
            tag.replace("release.yml", "pr.yml"),
            GITHUB,
            Some(("release", "workflow", "pr.yml", false)),
        ),
        (
            tag.replace("tags/v1", "heads/main"),
            GITHUB,
            Some(("release", "ref", "refs/heads/main", false)),
        ),
        (
            tag.replace("github.com", "github.evil.example"),
            GITHUB,
            Some(("release", "host", "github.evil.example", false)),
        ),
        (
            tag.replace("/Tool", "/tool").replace("/acme", "/ACME"),
            GITHUB,
            Some(("release", "owner", "ACME", true)),
        ),
        (
            tag.clone(),
            "https://gitlab.com",
            Some(("release", "issuer", "https://gitlab.com", false)),
        ),
        (
            "alice@example.org".to_owned(),
            google,
            Some(("alice", "domain", "example.org", false)),
        ),
        (
            "al1ce@example.com".to_owned(),
            google,
            Some(("alice", "name", "al1ce", true)),
        ),
        // Somebody else altogether is nobody's miss.
        (tag.replace("/acme/tool/", "/other/thing/"), GITHUB, None),
        (tag.replace("/acme/tool/", "/acme/website/"), GITHUB, None),
        ("robert@example.com".to_owned(), google, None),
        ("spiffe://example.com/ci".to_owned(), google, None),
    ] {
        let failure = asked
            .judge(&steps(evidence(&identity, issuer), None, &[1]))
            .unwrap_err();
        let found = failure.nearest.as_deref().map(|near| {
            let [start, end] = near.found_span;
            let part: String = near.found.chars().skip(start).take(end - start).collect();
            (near.signer.clone(), near.part, part, near.is_lookalike)
        });
        let expected =
            expected.map(|(s, part, text, alike)| (s.to_owned(), part, text.to_owned(), alike));
        assert_eq!(found, expected, "{identity}");
        let is_unlisted = matches!(failure.reason, Reason::SignerUnlisted { .. });
        assert_eq!(is_unlisted, found.is_none());
    }
}

#[test]
fn hostile_names_are_not_proposed() {
    let propose = |identity: &str| learn::by_identity(&evidence(identity, GITHUB), None);
    let entry = propose(&RELEASE.replace('*', "v1")).unwrap();
    assert_eq!(entry, signer("tool-release", RELEASE, "github"));
    let branch = RELEASE.replace("tags/*", "heads/main");
    assert_eq!(
        propose(&branch).unwrap(),
        signer("tool-release", &branch, "github")
    );
    for hostile in [
        RELEASE,
        "https://github.com/acme/tool/.github/workflows/r.yml@refs/pull/7/merge",
        "https://github.com/a/$(reboot)/x y",
        "https://github.com/a/`id`/x",
        "https://github.com/a\u{202e}b/c",
        "https://evil.example/\"\n[signers.x]",
        "a b@example.com",
    ] {
        assert!(propose(hostile).is_err(), "{hostile}");
    }
    // The name of a tag that * would not stand for is kept as it is, where it can be listed at all.
    let odd = RELEASE.replace('*', "a:b");
    assert!(
        matches!(propose(&odd), Ok(listed) if listed == signer("tool-release", &odd, "github"))
    );
    let shared = "https://github.com/shared/flows/.github/workflows/build.yml@refs/tags/v1";
    let mut found = evidence(shared, GITHUB);
    found.extensions.push(ExtensionEvidence {
        oid: "1.3.6.1.4.1.57264.1.12".to_owned(),
        name: "Source Repository URI",
        value: "https://github.com/acme/tool".to_owned(),
    });
    let proposed = learn::by_identity(&found, Some("local")).unwrap();
    assert!(
        matches!(&proposed.who, Who::Identity { repository: Some(r), .. } if r == "https://github.com/acme/tool")
    );
    assert_eq!(proposed.instances, Some(vec!["local".to_owned()]));
    let proposed = learn::by_identity(&found, Some("sign.example.com")).unwrap();
    assert_eq!(
        read(&super::entry(&proposed)).unwrap().signers,
        vec![proposed]
    );
    let unnamed = learn::by_identity(&found, Some("https://sign.example.com"));
    assert_eq!(unnamed, Err(Unlistable::Instance));
    assert!(
        matches!(learn::by_identity(&found, Some("public")), Ok(listed) if listed.instances.is_none())
    );
}

#[test]
fn a_change_leaves_the_rest_as_it_is() {
    let text =
        "# ours\n[signers.a] # keep\nidentity = 'a@b.example'\nissuer=\"https://b.example\"\n";
    let added = with_signer(text, &signer("b", RELEASE, "github")).unwrap();
    assert!(added.starts_with(text), "{added}");
    assert_eq!(read(&added).unwrap().signers.len(), 2);
    let exists = WriteError::Exists {
        name: "b".to_owned(),
    };
    assert_eq!(
        with_signer(&added, &signer("b", RELEASE, "github")),
        Err(exists)
    );
    let revoked = with_revocation(&added, "a", Time::from_unix(0)).unwrap();
    assert!(
        revoked.contains("issuer=\"https://b.example\"\nrevoked = 1970-01-01T00:00:00Z\n"),
        "{revoked}"
    );
    assert_eq!(without_signer(&added, "b").unwrap(), text);
    let absent = WriteError::Absent {
        name: "c".to_owned(),
    };
    assert_eq!(without_signer(&added, "c"), Err(absent));
    assert_eq!(
        with_signer("signers = 1", &signer("b", RELEASE, "github")),
        Err(WriteError::Form)
    );
}

#[test]
fn the_schema_has_exactly_the_keys_that_the_reader_takes() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../../docs/reference/trust.schema.json")).unwrap();
    let keys = |pointer: &str| -> Vec<String> {
        let object = schema.pointer(pointer).and_then(|value| value.as_object());
        object
            .unwrap_or_else(|| panic!("{pointer}"))
            .keys()
            .cloned()
            .collect()
    };
    let known = |text: &str| -> Vec<String> {
        let TrustFileProblem::Toml(crate::toml::TomlProblem::UnknownKey { known, .. }) =
            *read(text).unwrap_err().problem
        else {
            panic!("{text}")
        };
        let mut known: Vec<String> = known.into_iter().map(ToOwned::to_owned).collect();
        known.sort();
        known
    };
    assert_eq!(keys("/properties"), known("nothing = 1\n"));
    let signer =
        "[signers.a]\nidentity = \"a@b.example\"\nissuer = \"https://b.example\"\nnothing = 1\n";
    assert_eq!(
        keys("/properties/signers/additionalProperties/properties"),
        known(signer)
    );
    let url = "url = \"https://b.example\"\n";
    let instance = format!(
        "[instances.a]\n{url}fingerprint = \"{}\"\nnothing = 1\n",
        "0".repeat(64)
    );
    assert_eq!(
        keys("/properties/instances/additionalProperties/properties"),
        known(&instance)
    );
    let git = "[git]\nnothing = 1\n";
    let platform = "[git.platforms.a]\nkey = \"x\"\nnothing = 1\n";
    let rule = format!(
        "{}[git.rules.a]\nrefs = [\"refs/heads/a\"]\nsigners = [\"a\"]\nnothing = 1\n",
        signer.replace("nothing = 1\n", "")
    );
    for (pointer, text) in [
        ("/properties/git/properties", git),
        (
            "/properties/git/properties/platforms/additionalProperties/properties",
            platform,
        ),
        (
            "/properties/git/properties/rules/additionalProperties/properties",
            rule.as_str(),
        ),
    ] {
        assert_eq!(keys(pointer), known(text));
    }
    let page = include_str!("../../../../docs/reference/trust.toml.md");
    let more = [known(git), known(platform), known(&rule)].concat();
    for key in known(signer).iter().chain(&known(&instance)).chain(&more) {
        assert!(page.contains(&format!("| `{key}` |")), "{key}");
    }
}

/// Texts out of the pieces that identities are made of, and of those that tricks are.
fn near_identities() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "https://",
        "github.com",
        "acme",
        "tool",
        ".github",
        "workflows",
        "release.yml",
        "@refs/tags/",
        "@refs/heads/",
        "v1",
        "/",
        "//",
        "*",
        "..",
        ".",
        "%2f",
        "@",
        "#",
        "?",
        "\u{202e}",
        "A",
        " ",
        "x",
        ":443",
        "refs",
        "a@b.example",
    ]);
    let free = prop::collection::vec(piece.clone(), 0..12).prop_map(|pieces| pieces.concat());
    let base = "https://github.com/acme/tool/.github/workflows/release.yml@refs/tags/v1";
    let spoiled = (0..base.len(), 0..6_usize, piece).prop_map(move |(at, cut, piece)| {
        let end = at.saturating_add(cut).min(base.len());
        format!("{}{piece}{}", &base[..at], &base[end..])
    });
    prop_oneof![free, spoiled, Just(base.to_owned())]
}

proptest! {
    #[test]
    fn anything_is_read_without_harm(text in ".{0,200}", pieces in near_identities()) {
        for text in [&text, &pieces] {
            let _ = Identity::parse(text);
            let _ = Issuer::parse(text);
            let _ = FilePattern::parse(text);
            let _ = read(text);
            let parts = Part::of(text);
            prop_assert!(parts.iter().all(|part| text.get(part.span.clone()).is_some()));
            prop_assert!(name_of(text).len() <= 64);
        }
    }

    /// A `*` stands for one segment of plain characters: put back what it stood for and the identity is there
    /// again, byte for byte, with as many segments as the pattern has.
    #[test]
    fn a_pattern_never_leaves_its_segment(pattern in near_identities(), found in near_identities()) {
        let Ok(identity) = Identity::parse(&pattern) else { return Ok(()) };
        for kind in ["uri", "email", "otherName"] {
            if !identity.matches(&found, kind) {
                continue;
            }
            prop_assert_eq!(kind, identity.kind().as_str());
            if identity.is_exact() {
                prop_assert_eq!(&pattern, &found);
                continue;
            }
            prop_assert!(found.chars().all(|c| c.is_ascii_graphic() && !"%?#*\\".contains(c)));
            prop_assert!(!found.contains("/../") && !found.ends_with("/.."));
            let whole_ref = pattern.ends_with("@refs/tags/*") || pattern.ends_with("@refs/heads/*");
            let ours: Vec<&str> = pattern.split('/').collect();
            let theirs: Vec<&str> = match whole_ref {
                true => found.splitn(ours.len(), '/').collect(),
                false => found.split('/').collect(),
            };
            prop_assert_eq!(ours.len(), theirs.len());
            for (our, their) in ours.iter().zip(&theirs) {
                prop_assert!(our == their || (our.starts_with('*') && !their.is_empty()), "{} {}", our, their);
            }
            prop_assert_eq!(ours[..4].join("/"), theirs[..4].join("/"));
        }
    }

    /// Nobody gets a yes but whom an entry names, written out or by a pattern that holds.
    #[test]
    fn nobody_is_listed_by_accident(
        listed in prop::collection::vec(near_identities(), 0..4),
        found in near_identities(),
        issuer in prop::sample::select(vec![GITHUB, "https://gitlab.com"]),
    ) {
        let entries = listed.iter().enumerate().filter_map(|(n, text)| {
            Identity::parse(text).ok().map(|_| signer(&format!("s{n}"), text, "github"))
        });
        let entries: Vec<Signer> = entries.collect();
        let verdict = ask(entries.clone()).judge(&steps(evidence(&found, issuer), None, &[1]));
        let kind = evidence(&found, issuer).kind;
        let is_listed = issuer == GITHUB && entries.iter().any(|entry| {
            matches!(&entry.who, Who::Identity { identity, .. } if identity.matches(&found, kind))
        });
        prop_assert_eq!(verdict.is_ok(), is_listed);
        if let Err(failure) = verdict
            && let Reason::SignerUnlisted { proposal: Some(proposal) } = &failure.reason
        {
            // What is proposed lists this signer, can be written and read, and nothing else comes with it.
            prop_assert!(ask(vec![(**proposal).clone()]).judge(&steps(evidence(&found, issuer), None, &[1])).is_ok());
            prop_assert_eq!(&read(&entry(proposal)).unwrap().signers, &vec![(**proposal).clone()]);
        }
    }

    #[test]
    fn a_pattern_of_files_never_leaves_its_segment(pattern in "[ab*/.]{1,8}", path in "[ab/.]{1,10}") {
        let Ok(pattern) = FilePattern::parse(&pattern) else { return Ok(()) };
        let name = path.rsplit('/').next().unwrap_or_default();
        if pattern.matches(name, Some(&path)) {
            let text = pattern.as_str();
            let met = if text.contains('/') { path.as_str() } else { name };
            prop_assert_eq!(text.split('/').count(), met.split('/').count());
            for (our, their) in text.split('/').zip(met.split('/')) {
                prop_assert!(covers(our.as_bytes(), their.as_bytes()), "{} {}", our, their);
            }
        }
    }
}

/// `*` by trying everything.
fn covers(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        ([b'*', rest @ ..], text) => (0..=text.len()).any(|n| covers(rest, &text[n..])),
        ([a, pattern @ ..], [b, text @ ..]) => a == b && covers(pattern, text),
        _ => false,
    }
}
