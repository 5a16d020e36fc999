//! `signhere git setup`, `status`, `doctor` and `unset`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::git::{Git, has_git};
use support::{Ran, Workplace, finish};

const REFERENCE: &str = include_str!("../../../docs/reference/json.md");

/// The program, in a folder of a work place, found by its name.
fn signhere(place: &Workplace, folder: &Path, args: &[&str]) -> Ran {
    let mut command = place.command(args);
    let own = Path::new(env!("CARGO_BIN_EXE_signhere")).parent().unwrap();
    let mut path = own.as_os_str().to_owned();
    path.push(":");
    path.push(support::search_path());
    command.env("PATH", path).env("GIT_CONFIG_NOSYSTEM", "1");
    finish(command.current_dir(folder).spawn().unwrap())
}

fn repository(place: &Workplace, name: &str) -> Git {
    let folder = place.path(name);
    fs::create_dir(&folder).unwrap();
    let git = Git::new(place, &folder);
    git.run(["init", "-q"]);
    git
}

/// The codes of what the doctor finds.
fn codes(ran: &Ran) -> Vec<String> {
    let found = ran.json()["findings"].clone();
    let codes = found.as_array().unwrap().iter();
    codes
        .map(|one| one["code"].as_str().unwrap().to_owned())
        .collect()
}

/// Every field of a document is described.
fn is_described(document: &Value) {
    let Value::Object(fields) = document else {
        return;
    };
    for (name, value) in fields {
        let forms = [format!("{name}`"), format!("{name}[]")];
        let is_there = forms.iter().any(|form| REFERENCE.contains(form));
        assert!(is_there, "{name} is not in json.md");
        match value {
            Value::Array(items) => items.iter().for_each(is_described),
            value => is_described(value),
        }
    }
}

#[test]
fn what_was_there_before_comes_back() {
    if !has_git() {
        return;
    }
    let place = Workplace::new();
    let git = repository(&place, "r");
    git.run(["config", "gpg.format", "ssh"]);
    git.run(["config", "gpg.x509.program", "gitsign"]);
    git.run(["config", "user.signingKey", "ABCDEF"]);
    let before = fs::read_to_string(git.folder.join(".git/config")).unwrap();

    let ran = signhere(&place, &git.folder, &["git", "setup"]).exits(0);
    let lines = [
        "✓ local: gpg.format = x509 (was ssh)",
        "✓ local: gpg.x509.program = signhere (was gitsign)",
        "✓ local: commit.gpgsign = true",
        "✓ local: tag.gpgsign = true",
        "✓ local: tag.forcesignannotated = true",
    ];
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), lines);
    let again = signhere(&place, &git.folder, &["git", "setup"]).exits(0);
    assert_eq!(
        again.stdout,
        "✓ nothing to change in the local configuration\n"
    );

    // Somebody changes one of them: that is theirs.
    git.run(["config", "tag.gpgsign", "false"]);
    let ran = signhere(&place, &git.folder, &["git", "unset", "--json"]).exits(0);
    is_described(&ran.json());
    assert_eq!(ran.json()["kept"], serde_json::json!(["tag.gpgsign"]));
    assert_eq!(git.line(["config", "gpg.format"]), "ssh");
    assert_eq!(git.line(["config", "gpg.x509.program"]), "gitsign");
    git.try_run(["config", "commit.gpgsign"]).exits(1);
    git.run(["config", "--unset", "tag.gpgsign"]);
    let after = git.line(["config", "--local", "--list"]);
    assert!(!after.contains("signhere"), "{after}");
    for line in before.lines().filter(|line| line.contains('=')) {
        let value = line.split_once('=').unwrap().1.trim();
        assert!(after.contains(value), "{line}: {after}");
    }

    // Without --global, outside of a repository: the user's own.
    let ran = signhere(&place, &place.path(""), &["git", "setup", "--json"]).exits(0);
    is_described(&ran.json());
    assert_eq!(ran.json()["scope"], "global");
    signhere(&place, &place.path(""), &["git", "setup", "--local"]).exits(2);
}

#[test]
fn each_line_comes_back_and_included_files_are_let_be() {
    if !has_git() {
        return;
    }
    let place = Workplace::new();
    let git = repository(&place, "r");
    let real = place.write("dotfiles", "[include]\n\tpath = included\n");
    std::os::unix::fs::symlink(&real, place.path(".gitconfig")).unwrap();
    let included = place.write("included", "[gpg]\n\tformat = ssh\n");
    let global = |args: &[&str]| {
        let all = ["config", "--global"].iter().chain(args);
        git.run(all.copied().collect::<Vec<_>>());
    };
    // Several lines, an empty one, and one that is two lines itself.
    global(&["--add", "commit.gpgSign", "true"]);
    global(&["--add", "commit.gpgSign", "false"]);
    global(&["tag.gpgSign", ""]);
    global(&["gpg.x509.program", "a\nb \"c\" # d"]);
    global(&["gpg.minTrustLevel", "ultimate"]);
    let lines = || git.line(["config", "--global", "-z", "--list"]);
    let before = lines();

    signhere(&place, &git.folder, &["git", "setup", "--global"]).exits(0);
    signhere(&place, &git.folder, &["git", "doctor", "--fix"]);
    assert_eq!(git.line(["config", "gpg.minTrustLevel"]), "fully");
    assert_eq!(git.line(["config", "--get-all", "commit.gpgsign"]), "true");
    let ran = signhere(&place, &git.folder, &["git", "unset", "--global", "--json"]).exits(0);
    assert_eq!(ran.json()["kept"], serde_json::json!([]));
    let sorted = |text: String| {
        let mut lines: Vec<_> = text.split('\0').map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(lines()), sorted(before));
    let of_commit = git.line(["config", "--get-all", "commit.gpgsign"]);
    assert_eq!(of_commit, "true\nfalse");
    assert!(place.path(".gitconfig").is_symlink());
    let text = fs::read_to_string(included).unwrap();
    assert_eq!(text, "[gpg]\n\tformat = ssh\n");
}

#[test]
fn what_counts_instead_is_said() {
    if !has_git() {
        return;
    }
    let place = Workplace::new();
    let git = repository(&place, "r");
    git.run(["config", "gpg.format", "openpgp"]);
    let ran = signhere(&place, &git.folder, &["git", "setup", "--global"]).exits(0);
    let line =
        "! gpg.format is openpgp in the local configuration (file:.git/config), and that counts";
    assert!(ran.stdout.lines().any(|found| found == line), "{ran:#?}");
    let ran = signhere(&place, &git.folder, &["git", "setup", "--global", "--json"]).exits(0);
    is_described(&ran.json());
    assert_eq!(ran.json()["overridden"], serde_json::json!(["gpg.format"]));

    // What an include says after it cannot be mended beside it.
    git.run(["config", "--unset", "gpg.format"]);
    place.write("included", "[commit]\n\tgpgSign = false\n");
    git.run(["config", "--global", "include.path", "included"]);
    let ran = signhere(&place, &git.folder, &["--json", "git", "doctor", "--fix"]).exits(50);
    let findings = ran.json()["findings"].clone();
    let found = findings.as_array().unwrap().iter();
    let mut found = found.filter(|one| one["code"] == "commits-unsigned");
    let found = found.next().unwrap();
    assert_eq!(found["fixed"], false);
    let mend = found["mend"].as_str().unwrap();
    assert!(mend.ends_with("/included"), "{mend}");
}

#[test]
fn a_configuration_that_cannot_be_written_is_told() {
    if !has_git() {
        return;
    }
    let place = Workplace::new();
    let git = repository(&place, "r");
    let before = fs::read_to_string(git.folder.join(".git/config")).unwrap();
    fs::write(git.folder.join(".git/config.lock"), "").unwrap();
    let ran = signhere(&place, &git.folder, &["git", "setup"]).exits(1);
    assert!(
        ran.stderr.contains("could not lock config file"),
        "{ran:#?}"
    );
    assert!(ran.stderr.contains("[SH-GIT-FAILED]"), "{ran:#?}");
    let after = fs::read_to_string(git.folder.join(".git/config")).unwrap();
    assert_eq!(after, before);
}

#[test]
fn why_git_got_no_signature_is_shown() {
    if !has_git() {
        return;
    }
    let place = Workplace::new();
    let git = repository(&place, "r");
    git.run(["config", "user.name", "Ada"]);
    git.run(["config", "user.email", "ada@example.com"]);
    let show = |command: &str| signhere(&place, &git.folder, &["--json", "git", command]).json();
    assert_eq!(show("status")["lastFailure"], Value::Null);
    // As git calls it; nobody is logged in, and nobody can be asked.
    let mut program = place.command(["--status-fd=2", "-bsau", "Ada"]);
    program.env("SIGNHERE_NO_INPUT", "1");
    let mut child = program
        .current_dir(&git.folder)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"tree\n").unwrap();
    assert_ne!(finish(child).code, 0);
    let status = show("status");
    is_described(&status);
    assert_eq!(status["lastFailure"]["error"]["code"], "SH-LOGIN-NEEDED");
    let findings = show("doctor")["findings"].clone();
    let codes = findings.as_array().unwrap().iter();
    assert!(codes.clone().any(|one| one["code"] == "last-failure"));
    let page = signhere(&place, &git.folder, &["git", "status"]).exits(0);
    assert!(page.stdout.contains("last failure"), "{page:#?}");
    assert!(page.stdout.contains("[SH-LOGIN-NEEDED]"), "{page:#?}");
}

#[test]
fn a_trust_file_is_begun_once() {
    if !has_git() {
        return;
    }
    let place = Workplace::new();
    let git = repository(&place, "r");
    let ran = signhere(&place, &git.folder, &["git", "setup", "--ref-policy"]).exits(0);
    assert!(ran.stdout.contains("began "), "{ran:#?}");
    let file = git.folder.join(".signhere/trust.toml");
    let text = fs::read_to_string(&file).unwrap();
    // Everything in it that is commented out is a trust file as well.
    signhere(&place, &git.folder, &["trust", "lint"]).exits(0);
    let whole = text
        .lines()
        .skip(3)
        .map(|line| line.trim_start_matches("# "));
    let whole: Vec<_> = whole.map(|line| line.trim_start_matches('#')).collect();
    let signer =
        "[signers.NAME]\nidentity = \"a@example.com\"\nissuer = \"https://accounts.google.com\"\n";
    let whole = whole.join("\n").replace("COMMIT", &"a".repeat(40));
    fs::write(&file, format!("{signer}{whole}")).unwrap();
    let ran = signhere(&place, &git.folder, &["trust", "show"]);
    assert_eq!(ran.code, 0, "{ran:#?}");

    fs::write(&file, "").unwrap();
    signhere(&place, &git.folder, &["git", "setup", "--ref-policy"]).exits(0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "");
}

#[test]
fn the_doctor_finds_and_mends() {
    if !has_git() {
        return;
    }
    let place = Workplace::new();
    let git = repository(&place, "r");
    let doctor = |args: &[&str]| {
        let args: Vec<_> = ["--json", "git", "doctor"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        signhere(&place, &git.folder, &args)
    };
    let found = doctor(&[]).exits(50);
    is_described(&found.json());
    let always = ["no-trust-file", "no-login", "no-terminal"];
    let of = |ran: &Ran| -> Vec<String> {
        let codes = codes(ran).into_iter();
        codes
            .filter(|code| !always.contains(&code.as_str()))
            .collect()
    };
    assert_eq!(
        of(&found),
        [
            "gpg-format",
            "program-unset",
            "commits-unsigned",
            "tags-unsigned",
            "no-name",
            "no-email"
        ]
    );

    git.run(["config", "--global", "user.name", "Alice"]);
    git.run(["config", "--global", "user.email", "alice@example.com"]);
    doctor(&["--fix"]).exits(0);
    assert_eq!(of(&doctor(&[]).exits(0)), [""; 0]);
    assert_eq!(
        git.line(["config", "--global", "gpg.x509.program"]),
        "signhere"
    );

    let own = env!("CARGO_BIN_EXE_signhere");
    for (key, value, code) in [
        ("gpg.format", "openpgp", "gpg-format"),
        ("gpg.x509.program", "gitsign", "program-gitsign"),
        ("gpg.x509.program", "/usr/bin/gpgsm", "program-other"),
        ("gpg.x509.program", "bin/signhere", "program-relative"),
        ("gpg.x509.program", "/nowhere/signhere", "program-missing"),
        ("commit.gpgsign", "false", "commits-unsigned"),
        ("gpg.minTrustLevel", "ultimate", "trust-level"),
        ("gpg.minTrustLevel", "fully", "trust-level"),
        ("gitsign.rekorMode", "online", "gitsign-setting"),
        ("gitsign.fulcio", "https://ca.example.com", "instance"),
        ("signhere.instance", "nowhere", "instance"),
        ("signhere.agent", "off", "agent-off"),
        ("user.signingKey", "ABCDEF", "signing-key"),
        ("signhere.trust", "nowhere.toml", "trust-file"),
    ] {
        git.run(["config", key, value]);
        let found = doctor(&[]);
        assert!(of(&found).contains(&code.to_owned()), "{key}: {found:#?}");
        if found.code == 50 && code.starts_with("program") {
            doctor(&["--fix"]).exits(0);
            assert_eq!(
                git.line(["config", "gpg.x509.program"]),
                "signhere",
                "{own}"
            );
        }
        git.run(["config", "--unset", key]);
    }

    // What the environment says stands in no file, and is not mended there.
    let mut command = place.command(["--json", "git", "doctor", "--fix"]);
    command
        .envs([
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "gpg.format"),
            ("GIT_CONFIG_VALUE_0", "ssh"),
        ])
        .current_dir(&git.folder);
    let found = finish(command.spawn().unwrap()).exits(50);
    assert!(
        codes(&found).contains(&"gpg-format".to_owned()),
        "{found:#?}"
    );
    assert!(found.stdout.contains("GIT_CONFIG_*"), "{found:#?}");

    // Someone else's address, once somebody is listed.
    fs::create_dir(git.folder.join(".signhere")).unwrap();
    let entry =
        "[signers.bob]\nidentity = \"bob@example.com\"\nissuer = \"https://accounts.google.com\"\n";
    fs::write(git.folder.join(".signhere/trust.toml"), entry).unwrap();
    assert_eq!(of(&doctor(&[]).exits(50)), ["committer-unlisted"]);
}

#[test]
fn the_status_says_what_stands_where() {
    if !has_git() {
        return;
    }
    let place = Workplace::new();
    let git = repository(&place, "r");
    let status = || {
        let ran = signhere(&place, &git.folder, &["git", "status", "--json"]).exits(0);
        is_described(&ran.json());
        ran.json()
    };
    assert_eq!(status()["ready"], false);
    signhere(&place, &git.folder, &["git", "setup", "--global"]).exits(0);
    git.run(["config", "gpg.format", "ssh"]);
    let said = status();
    assert_eq!(
        said["ready"], false,
        "the repository's own configuration counts"
    );
    assert_eq!(said["settings"][0]["scope"], "local");
    assert_eq!(said["settings"][1]["scope"], "global");
    git.run(["config", "--unset", "gpg.format"]);
    assert_eq!(status()["ready"], true);
    let page = signhere(&place, &git.folder, &["git", "status"]).exits(0);
    assert!(page.stdout.contains("✓ gpg.format"), "{page:#?}");
    assert!(page.stdout.contains("trust files"), "{page:#?}");
}
