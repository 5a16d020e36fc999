//! Who may sign: from a stranger's file to a plain yes, and back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod support;

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{ALICE, Instance, Ran, Workplace, finish};

/// Runs a command line as a shell takes it, with `signhere` the program under test.
fn shell(place: &Workplace, line: &str) -> Ran {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_signhere"));
    let folder = folder.parent().unwrap().display();
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .env_clear()
        .env("HOME", place.path(""))
        .env("PATH", format!("{folder}:/usr/bin:/bin"))
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    finish(command.spawn().unwrap())
}

fn verify(place: &Workplace, instance: &Instance, args: &[&str]) -> Ran {
    let args = ["verify", "--instance", instance.name()]
        .into_iter()
        .chain(args.iter().copied());
    place.run(args)
}

fn mend(ran: &Ran) -> String {
    let line = ran.stderr.lines().find(|line| line.contains("mend"));
    let line = line.unwrap_or_else(|| panic!("{ran:#?}"));
    line.split_once("mend").unwrap().1.trim().to_owned()
}

#[test]
fn a_newcomer_sees_who_signed_and_after_one_command_a_plain_yes() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    let file = place.write("tool.tar.gz", "a release\n");
    instance.sign(&place, &file).exits(0);

    let refused = verify(&place, &instance, &["tool.tar.gz"]).exits(21);
    assert_eq!(refused.stdout, "");
    let issuer = &instance.issuer;
    for fact in ["[SH-SIGNER-UNLISTED]", ALICE, issuer.as_str()] {
        assert!(refused.stderr.contains(fact), "{fact}: {refused:#?}");
    }
    assert!(refused.stderr.contains(", signed at 20"), "{refused:#?}");
    let command = mend(&refused);
    assert_eq!(
        command,
        format!("signhere trust add --email {ALICE} --issuer {issuer} --on local")
    );
    let document = verify(&place, &instance, &["tool.tar.gz", "--json"]).exits(21);
    let verdict = &document.json()["results"][0]["verdict"];
    assert_eq!(verdict["verified"], Value::Bool(false));
    let steps = verdict["steps"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["identity"], ALICE);

    let added = shell(&place, &command).exits(0);
    assert!(added.stdout.contains("alice may sign"), "{added:#?}");
    let yes = verify(&place, &instance, &["tool.tar.gz"]).exits(0);
    assert_eq!(yes.stderr, "");
    assert!(yes.stdout.contains(ALICE), "{yes:#?}");
    assert!(yes.stdout.contains("(alice in "), "{yes:#?}");
    let document = verify(&place, &instance, &["tool.tar.gz", "--json"]).exits(0);
    let steps = &document.json()["results"][0]["verdict"]["steps"];
    let policy = steps.as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&policy["step"], &policy["signer"]),
        (&"policy".into(), &"alice".into())
    );

    // Once more: nothing changes, and nothing is written twice.
    let own = place.path(".config/signhere/trust.toml");
    let before = fs::read_to_string(&own).unwrap();
    let again = shell(&place, &command).exits(0);
    assert!(again.stdout.contains("already"), "{again:#?}");
    assert_eq!(fs::read_to_string(&own).unwrap(), before);

    // Learned from the file, the command is the same; nothing is added by learning.
    let learned = place.run([
        "trust",
        "learn",
        "tool.tar.gz",
        "--instance",
        instance.name(),
    ]);
    assert!(learned.exits(0).stdout.contains(&command));
    assert_eq!(fs::read_to_string(&own).unwrap(), before);

    // Revoked from before it was signed: refused, whoever else would list it.
    place
        .run(["trust", "revoke", "alice", "--from", "2020-01-01"])
        .exits(0);
    let refused = verify(&place, &instance, &["tool.tar.gz"]).exits(22);
    assert!(
        refused.stderr.contains("[SH-SIGNER-REVOKED]"),
        "{refused:#?}"
    );
    place.run(["trust", "remove", "alice"]).exits(0);
    verify(&place, &instance, &["tool.tar.gz"]).exits(21);
    place.run(["trust", "remove", "alice"]).exits(2);
}

#[test]
fn the_wrong_one_is_shown_beside_the_right_one() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    let file = place.write("tool.tar.gz", "a release\n");
    instance.sign(&place, &file).exits(0);
    let list = |text: String| place.write("trust.toml", text);
    let entry = |identity: &str, issuer: &str, more: &str| {
        format!("[signers.release]\nidentity = \"{identity}\"\nissuer = \"{issuer}\"\n{more}\n")
    };
    let verify = |args: &[&str]| {
        verify(
            &place,
            &instance,
            &[&["tool.tar.gz", "--trust", "trust.toml"], args].concat(),
        )
    };
    let local = "instances = [\"local\"]";

    list(entry("alice@examp1e.com", &instance.issuer, local));
    let refused = verify(&[]).exits(20);
    let shown = "expected  alice@examp1e.com\n\
                 \x20    found  alice@example.com\n\
                 \x20                 ^^^^^^^^^^^ the domain is not that of release in trust.toml, and looks like it\n";
    assert!(refused.stderr.contains(shown), "{refused:#?}");
    assert!(refused.stderr.contains("[SH-IDENTITY]"), "{refused:#?}");
    list(entry(ALICE, "https://accounts.google.com", local));
    let refused = verify(&["--json"]).exits(20);
    let nearest = &refused.json()["results"][0]["verdict"]["failure"]["nearest"];
    assert_eq!(nearest["part"], "issuer");
    assert_eq!(nearest["found"], instance.issuer);

    // Listed, but not for this file, this instance, this time.
    for (more, code) in [
        (
            "instances = [\"local\"]\nfiles = [\"*.whl\"]",
            "SH-SIGNER-FILE",
        ),
        (
            "instances = [\"local\"]\nattestations = [\"https://slsa.dev/provenance/v1\"]",
            "SH-SIGNER-FILE",
        ),
        ("", "SH-SIGNER-INSTANCE"),
        (
            "instances = [\"local\"]\nuntil = 2020-01-01T00:00:00Z",
            "SH-SIGNER-WINDOW",
        ),
        (
            "instances = [\"local\"]\nfrom = 2120-01-01T00:00:00Z",
            "SH-SIGNER-WINDOW",
        ),
    ] {
        list(entry(ALICE, &instance.issuer, more));
        let refused = verify(&[]).exits(22);
        assert!(
            refused.stderr.contains(&format!("[{code}]")),
            "{refused:#?}"
        );
    }
    for files in ["[\"*.tar.gz\"]", "[\"tool*\", \"x\"]"] {
        let more = format!("{local}\nfiles = {files}\nfrom = 2020-01-01T00:00:00Z");
        list(entry(ALICE, &instance.issuer, &more));
        verify(&[]).exits(0);
    }

    // Another signer claims this very file: then it is the wrong one, and no command would add it.
    list(entry(
        "release@example.org",
        "https://accounts.google.com",
        "files = [\"tool*\"]",
    ));
    let refused = verify(&[]).exits(20);
    assert!(!refused.stderr.contains("trust add --"), "{refused:#?}");

    // A file that is wrong, absent, or everybody's to change decides nothing.
    list("[signers.release]\nidentity = \"https://*.example.com/x\"\n".to_owned());
    let refused = verify(&[]).exits(30);
    assert!(
        refused
            .stderr
            .contains("2 | identity = \"https://*.example.com/x\"\n    |                     ^\n"),
        "{refused:#?}"
    );
    fs::remove_file(place.path("trust.toml")).unwrap();
    verify(&[]).exits(30);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let path = list(entry(ALICE, &instance.issuer, local));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let refused = verify(&[]).exits(30);
        assert!(
            refused.stderr.contains("[SH-TRUST-FILE-WRITABLE]"),
            "{refused:#?}"
        );
    }
}

#[test]
fn the_repositorys_file_is_found_up_to_its_root_and_no_further() {
    let place = Workplace::new();
    fs::create_dir_all(place.path("repo/.git")).unwrap();
    fs::create_dir_all(place.path("repo/src/deep")).unwrap();
    let show = |folder: &str| {
        let mut command = place.command(["trust", "show", "--json"]);
        let ran = finish(command.current_dir(place.path(folder)).spawn().unwrap());
        let files = ran.exits(0).json()["files"].clone();
        files.as_array().unwrap().len()
    };
    assert_eq!(show("repo/src/deep"), 0);
    let mut command = place.command(["trust", "init"]);
    finish(command.current_dir(place.path("repo/src")).spawn().unwrap()).exits(0);
    assert!(place.path("repo/.signhere/trust.toml").exists());
    assert_eq!(show("repo/src/deep"), 1);
    place.run(["trust", "init", "--user"]).exits(0);
    assert_eq!(show("repo/src/deep"), 2);

    // What lies above the root is somebody else's.
    fs::create_dir_all(place.path("other/in/.git")).unwrap();
    fs::create_dir_all(place.path("other/.signhere")).unwrap();
    fs::write(place.path("other/.signhere/trust.toml"), "").unwrap();
    assert_eq!(show("other/in"), 1);
    // Twice is once too often.
    place.run(["trust", "init", "--user"]).exits(1);
}

#[test]
fn what_is_added_is_read_back_and_what_is_too_wide_is_not_added() {
    let place = Workplace::new();
    let add = |args: &[&str]| place.run(["trust", "add"].iter().chain(args));
    let repo = ["--repo", "acme/tool", "--workflow", "release.yml"];
    let added = add(&[
        &repo[..],
        &[
            "--ref",
            "refs/tags/*",
            "--file",
            "*.tar.gz",
            "--until",
            "2030-01-31",
        ],
    ]
    .concat());
    assert!(added.exits(0).stdout.contains("tool-release may sign"));
    add(&["--email", "o'neil@example.com", "--issuer", "google"]).exits(0);
    add(&[
        "--repo",
        "group/sub/project",
        "--issuer",
        "gitlab",
        "--ref",
        "refs/heads/main",
    ])
    .exits(0);
    let text = fs::read_to_string(place.path(".config/signhere/trust.toml")).unwrap();
    assert_eq!(
        text,
        "[signers.tool-release]\n\
         identity = \"https://github.com/acme/tool/.github/workflows/release.yml@refs/tags/*\"\n\
         issuer = \"https://token.actions.githubusercontent.com\"\n\
         files = [\"*.tar.gz\"]\n\
         until = 2030-01-31T23:59:59Z\n\
         \n\
         [signers.o-neil]\n\
         identity = \"o'neil@example.com\"\n\
         issuer = \"https://accounts.google.com\"\n\
         \n\
         [signers.project]\n\
         identity = \"https://gitlab.com/group/sub/project//.gitlab-ci.yml@refs/heads/main\"\n\
         issuer = \"https://gitlab.com\"\n"
    );
    let shown = place.run(["trust", "show"]).exits(0).stdout;
    assert!(shown.contains("o'neil@example.com"), "{shown}");
    place.run(["trust", "lint"]).exits(0);

    for (args, code, exit) in [
        (
            &[
                "--repo",
                "acme/tool",
                "--workflow",
                "*",
                "--ref",
                "refs/tags/*",
            ][..],
            "SH-TRUST-WIDE",
            50,
        ),
        (
            &[
                "--repo",
                "acme/*",
                "--workflow",
                "r.yml",
                "--ref",
                "refs/tags/*",
            ],
            "SH-TRUST-WIDE",
            50,
        ),
        (
            &[
                "--repo",
                "acme/tool",
                "--workflow",
                "r.yml",
                "--ref",
                "refs/heads/*",
            ],
            "SH-TRUST-WIDE",
            50,
        ),
        (
            &[
                "--repo",
                "acme/tool",
                "--workflow",
                "r.yml",
                "--ref",
                "refs/pull/1/merge",
            ],
            "SH-TRUST-WIDE",
            50,
        ),
        (
            &[
                "--repo",
                "slsa-framework/slsa-github-generator",
                "--workflow",
                "g.yml",
                "--ref",
                "refs/tags/*",
            ],
            "SH-TRUST-WIDE",
            50,
        ),
        (
            &[
                "--repo",
                "acme/too1",
                "--workflow",
                "release.yml",
                "--ref",
                "refs/tags/v1",
            ],
            "SH-TRUST-WIDE",
            50,
        ),
        (
            &[
                "--repo",
                "*/tool",
                "--workflow",
                "r.yml",
                "--ref",
                "refs/tags/*",
            ],
            "SH-TRUST-WHO",
            2,
        ),
        (
            &[
                "--repo",
                "acme/tool",
                "--workflow",
                "r.yml",
                "--ref",
                "refs/tags/v*",
            ],
            "SH-TRUST-WHO",
            2,
        ),
        (
            &[
                "--uri",
                "https://github.com@evil.example/a",
                "--issuer",
                "github",
            ],
            "SH-TRUST-WHO",
            2,
        ),
        (
            &["--email", "*@example.com", "--issuer", "google"],
            "SH-TRUST-WHO",
            2,
        ),
        (
            &["--email", "a@example.com", "--issuer", "https://*"],
            "SH-TRUST-WHO",
            2,
        ),
        (
            &[
                "--email",
                "a@example.com",
                "--issuer",
                "google",
                "--name",
                "a b",
            ],
            "SH-TRUST-FILE",
            30,
        ),
        (
            &[
                "--email",
                "a@example.com",
                "--issuer",
                "google",
                "--name",
                "project",
            ],
            "SH-TRUST-NAME",
            2,
        ),
        (&["--email", "a@example.com"], "required", 2),
    ] {
        let refused = add(args).exits(exit);
        assert!(refused.stderr.contains(code), "{args:?}: {refused:#?}");
    }
    let after = fs::read_to_string(place.path(".config/signhere/trust.toml")).unwrap();
    assert_eq!(after, text);
}

#[test]
fn lint_finds_what_strangers_could_use() {
    let place = Workplace::new();
    let wide = place.write(
        "wide.toml",
        "[signers.any]\nidentity = \"https://github.com/acme/*/.github/workflows/r.yml@refs/heads/*\"\n\
         issuer = \"https://token.actions.githubusercontent.com\"\n",
    );
    let ran = place
        .run(["trust", "lint", "--json", "--trust", wide.to_str().unwrap()])
        .exits(50);
    let found = ran.json()["findings"].clone();
    let codes: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].clone())
        .collect();
    assert_eq!(codes, ["any-repository", "any-branch"]);
    let ran = place
        .run(["trust", "lint", "--trust", wide.to_str().unwrap()])
        .exits(50);
    assert!(ran.stdout.contains("any-repository"), "{ran:#?}");
}

#[test]
fn a_key_is_listed_by_itself() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    place.write("a.txt", "a");
    let password = ("SIGNHERE_KEY_PASSWORD", "secret");
    for prefix in ["old", "new"] {
        place
            .run_with(password, ["key", "generate", "--output-key-prefix", prefix])
            .exits(0);
    }
    let sign = [
        "sign",
        "--key",
        "new.key",
        "--instance",
        instance.name(),
        "a.txt",
    ];
    place.run_with(password, sign).exits(0);
    let verify = || verify(&place, &instance, &["a.txt"]);
    let refused = verify().exits(21);
    assert!(
        refused.stderr.contains("[SH-SIGNER-UNLISTED]"),
        "{refused:#?}"
    );
    place
        .run(["trust", "add", "--key", "old.pub", "--on", "local"])
        .exits(0);
    verify().exits(21);
    place
        .run([
            "trust", "add", "--key", "new.pub", "--name", "new", "--on", "local",
        ])
        .exits(0);
    verify().exits(0);
}

#[test]
fn what_other_tools_were_told_is_translated_or_refused_with_the_reason() {
    let place = Workplace::new();
    let import = |args: &[&str]| place.run(["trust", "import", "--json"].iter().chain(args));
    let workflow = "acme/tool/.github/workflows/release.yml";
    let by_cosign = [
        "--add",
        "--",
        "cosign",
        "verify-blob",
        "--certificate-identity-regexp",
        r"^https://github\.com/acme/tool/\.github/workflows/release\.yml@refs/tags/.+$",
        "--certificate-oidc-issuer=https://token.actions.githubusercontent.com",
        "FILE",
    ];
    let document = import(&by_cosign).exits(0).json();
    let entry = format!(
        "[signers.tool-release]\n\
         identity = \"https://github.com/{workflow}@refs/tags/*\"\n\
         issuer = \"https://token.actions.githubusercontent.com\"\n"
    );
    assert_eq!(document["results"][0]["entry"], entry.as_str());
    let own = place.path(".config/signhere/trust.toml");
    assert_eq!(fs::read_to_string(own).unwrap(), entry);

    let tagged = "shared/flows/.github/workflows/build.yml@refs/tags/v1";
    let by_gh = [
        "--",
        "gh",
        "attestation",
        "verify",
        "FILE",
        "--repo",
        "acme/tool",
        "--signer-workflow",
        tagged,
    ];
    let document = import(&by_gh).exits(0).json();
    assert_eq!(
        document["results"][0]["entry"],
        "[signers.flows-build]\n\
         identity = \"https://github.com/shared/flows/.github/workflows/build.yml@refs/tags/v1\"\n\
         issuer = \"https://token.actions.githubusercontent.com\"\n\
         repository = \"https://github.com/acme/tool\"\n\
         attestations = [\"https://slsa.dev/provenance/v1\"]\n"
    );

    for (args, reason) in [
        (
            &[
                "cosign",
                "verify",
                "--certificate-identity-regexp=.*",
                "--certificate-oidc-issuer-regexp=.*",
            ][..],
            "anchored",
        ),
        (
            &["cosign", "verify", "--certificate-identity", "a@b.example"],
            "every issuer",
        ),
        (&["cosign", "verify"], "every identity"),
        (
            &["cosign", "verify", "--key", "awskms://x"],
            "with a service",
        ),
        (
            &["gh", "attestation", "verify", "F", "--owner", "acme"],
            "any workflow",
        ),
        (
            &["gh", "attestation", "verify", "F", "-R", "acme/tool"],
            "any workflow",
        ),
        (
            &[
                "gh",
                "attestation",
                "verify",
                "F",
                "-R",
                "acme/tool",
                "--signer-workflow",
                workflow,
            ],
            "any ref",
        ),
        (
            &[
                "gh",
                "attestation",
                "verify",
                "F",
                "--owner",
                "acme",
                "--signer-workflow",
                tagged,
            ],
            "any repository",
        ),
    ] {
        let refused = import(&[&["--"], args].concat()).exits(50).json();
        let error = &refused["results"][0]["error"];
        assert_eq!(error["code"], "SH-TRUST-IMPORT");
        assert!(
            error["message"].as_str().unwrap().contains(reason),
            "{args:?}: {error}"
        );
    }
    import(&["--", "rm", "-rf"]).exits(2);

    place.write(
        "policy.yaml",
        r"apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: p}
spec:
  images: [{glob: 'ghcr.io/acme/**'}]
  authorities:
  - name: ci
    keyless:
      url: https://fulcio.sigstore.dev
      identities:
      - issuer: https://token.actions.githubusercontent.com
        subject: https://github.com/acme/tool/.github/workflows/release.yml@refs/heads/main
      - issuerRegExp: .*
        subjectRegExp: .*
    attestations: [{name: a, predicateType: slsaprovenance1}]
  - name: anybody
    static: {action: pass}
",
    );
    let results = import(&["policy.yaml"]).exits(50).json()["results"].clone();
    assert_eq!(
        results[0]["entry"],
        "[signers.tool-release]\n\
         identity = \"https://github.com/acme/tool/.github/workflows/release.yml@refs/heads/main\"\n\
         issuer = \"https://token.actions.githubusercontent.com\"\n\
         attestations = [\"https://slsa.dev/provenance/v1\"]\n"
    );
    assert_eq!(results[1]["error"]["code"], "SH-TRUST-IMPORT");
    assert_eq!(results[2]["source"], "anybody");
    assert_eq!(results.as_array().unwrap().len(), 3);
    place.write(
        "bomb.yaml",
        "a: &a [x,x]\nb: &b [*a,*a]\nkind: ClusterImagePolicy\nspec: *b\n",
    );
    import(&["bomb.yaml"]).exits(50);
}
