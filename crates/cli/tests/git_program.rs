//! git itself, which signs and verifies with the program.
//!
//! One instance serves all of this. Without git on the search path there is nothing to test, and a line says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod support;

use std::fs;
use std::path::Path;

use support::git::{Git, has_git};
use support::{ALICE, Instance, Workplace};

/// A work place with an instance, and git configured by `signhere git setup`.
struct Desk {
    place: Workplace,
    instance: Instance,
    token: String,
}

impl Desk {
    fn new() -> Self {
        let place = Workplace::new();
        let instance = Instance::start(&place);
        let token = instance.token(&place);
        let desk = Self {
            place,
            instance,
            token,
        };
        let git = desk.git(Path::new(""));
        git.run([
            "config",
            "--global",
            "signhere.instance",
            desk.instance.name(),
        ]);
        git.run(["config", "--global", "signhere.agent", "off"]);
        git.run(["config", "--global", "init.defaultBranch", "main"]);
        git.run(["config", "--global", "user.name", "Alice"]);
        git.run(["config", "--global", "user.email", ALICE]);
        desk.place.run(["git", "setup", "--global"]).exits(0);
        desk
    }

    /// git in a folder, with Alice logged in.
    fn git(&self, folder: &Path) -> Git {
        Git::new(&self.place, folder).with("SIGSTORE_ID_TOKEN", &self.token)
    }

    fn repository(&self, name: &str, init: &[&str]) -> Git {
        let folder = self.place.path(name);
        fs::create_dir(&folder).unwrap();
        let git = self.git(&folder);
        git.run(["init", "-q"].iter().chain(init));
        git
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // Where the test ended before its agent did.
        let _ = self.place.command(["agent", "stop"]).status();
    }
}

fn commit(git: &Git, name: &str) -> String {
    fs::write(git.folder.join(name), name).unwrap();
    git.run(["add", "."]);
    git.run(["commit", "-q", "-m", name]);
    git.line(["rev-parse", "HEAD"])
}

/// The object with its bytes changed, as git stores it.
fn forged(git: &Git, object: &str, kind: &str, change: impl FnOnce(String) -> String) -> String {
    let bytes = git.run(["cat-file", kind, object]).stdout;
    git.feed(
        change(bytes).as_bytes(),
        ["hash-object", "-t", kind, "-w", "--stdin"],
    )
    .stdout
    .trim()
    .to_owned()
}

fn mark(git: &Git, object: &str) -> String {
    git.line(["log", "-1", "--format=%G?", object])
}

/// The issuer, as a trust file has it, lists Alice.
fn trust_alice(desk: &Desk, git: &Git) {
    let folder = git.folder.join(".signhere");
    fs::create_dir_all(&folder).unwrap();
    let issuer = &desk.instance.issuer;
    fs::write(
        folder.join("trust.toml"),
        format!(
            "[signers.alice]\nidentity = \"{ALICE}\"\nissuer = \"{issuer}\"\ninstances = [\"local\"]\n"
        ),
    )
    .unwrap();
}

#[test]
fn git_signs_and_verifies_with_the_program() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    a_days_work(&desk);
    trust_decides(&desk);
    what_does_not_count(&desk);
    odd_payloads(&desk);
    other_hashes(&desk);
    the_programs_own_contract(&desk);
    the_last_failure_is_kept(&desk);
    of_gitsign(&desk);
}

/// Commit, amend, rebase of 50, merge with a signed tag, tag, cherry-pick: everything that is made is signed.
fn a_days_work(desk: &Desk) {
    let git = desk.repository("work", &[]);
    commit(&git, "first");
    git.run(["commit", "-q", "--amend", "-m", "amended"]);
    assert_eq!(mark(&git, "HEAD"), "U", "no trust file says whom to trust");

    git.run(["checkout", "-q", "-b", "topic"]);
    for number in 0..50 {
        // Only what is rebased has to be signed.
        fs::write(git.folder.join(format!("file{number}")), "x").unwrap();
        git.run(["add", "."]);
        git.run(["-c", "commit.gpgsign=false", "commit", "-q", "-m", "topic"]);
    }
    git.run(["checkout", "-q", "main"]);
    commit(&git, "upstream");
    // Nobody handed over a token: one login at the agent, and one certificate, for all of them.
    let agent = |args: &[&str]| {
        let args = ["--json", "--instance", desk.instance.name(), "agent"]
            .into_iter()
            .chain(args.iter().copied());
        desk.place.run(args).exits(0).json()
    };
    agent(&["login", "--email", ALICE]);
    let away = Git::new(&desk.place, &git.folder);
    away.run(["-c", "signhere.agent=on", "rebase", "-q", "main", "topic"]);
    let login = agent(&["status"])["logins"][0].clone();
    assert_eq!([&login["signatures"], &login["certificates"]], [50, 1]);
    agent(&["stop"]);
    let marks = git.run(["log", "--format=%G?", "main..topic"]).stdout;
    assert_eq!(marks, "U\n".repeat(50));

    git.run(["tag", "-m", "release", "v1", "topic"]);
    git.run(["verify-tag", "v1"]);
    git.run(["checkout", "-q", "-b", "side", "main"]);
    let picked = commit(&git, "picked");
    git.run(["checkout", "-q", "main"]);
    git.run(["merge", "-q", "--no-ff", "-m", "merge", "v1"]);
    let merge = git.run(["cat-file", "commit", "HEAD"]).stdout;
    assert!(merge.contains("\nmergetag object "), "{merge}");
    git.run(["verify-commit", "HEAD"]);
    git.run(["cherry-pick", &picked]);
    git.run(["verify-commit", "HEAD"]);
    // Below the level that a merge asks for: nobody said whom to trust.
    git.try_run(["merge", "-q", "--verify-signatures", "-m", "x", "side"])
        .exits(128);

    let fields = git.line(["log", "-1", "--format=%GS|%GK|%GF|%GP|%GT"]);
    let fields: Vec<&str> = fields.split('|').collect();
    assert_eq!(fields[0], format!("{ALICE} ({})", desk.instance.issuer));
    assert_eq!(fields[1].len(), 64);
    assert_eq!([fields[2], fields[3]], [fields[1], fields[1]]);
    assert_eq!(fields[4], "undefined");
    let shown = git.run(["log", "-1", "--show-signature"]).stdout;
    assert!(shown.contains(&format!("signed by {ALICE}")), "{shown}");
    let raw = git.run(["verify-commit", "--raw", "HEAD"]).stderr;
    assert!(
        raw.starts_with("[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG "),
        "{raw}"
    );
    assert_eq!(raw.matches("GOODSIG").count(), 1);
}

/// Who is listed is trusted fully, who is not never, and the least level that git asks for is met accordingly.
fn trust_decides(desk: &Desk) {
    let git = desk.repository("trust", &[]);
    commit(&git, "one");
    let level = |level: &str| {
        let config = format!("gpg.minTrustLevel={level}");
        git.try_run(["-c", &config, "verify-commit", "HEAD"]).code
    };
    assert_eq!(mark(&git, "HEAD"), "U");
    assert_eq!([level("undefined"), level("marginal")], [0, 1]);

    trust_alice(desk, &git);
    assert_eq!(mark(&git, "HEAD"), "G");
    assert_eq!([level("fully"), level("ultimate")], [0, 1]);

    let file = git.folder.join(".signhere/trust.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(ALICE, "bob@example.com")).unwrap();
    let refused = git.try_run(["verify-commit", "HEAD"]);
    assert_eq!(mark(&git, "HEAD"), "U");
    assert_eq!(git.line(["log", "-1", "--format=%GT"]), "never");
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("[SH-SIGNER-UNLISTED]"),
        "{refused:#?}"
    );

    // Somebody else's address in the headers, over a good signature.
    fs::write(
        &file,
        format!(
            "{text}\n[signers.bob]\nidentity = \"bob@example.com\"\nissuer = \"{}\"\ninstances = [\"local\"]\n",
            desk.instance.issuer
        ),
    )
    .unwrap();
    git.run([
        "-c",
        "user.email=bob@example.com",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "x",
    ]);
    let refused = git.try_run(["verify-commit", "HEAD"]);
    assert_eq!(git.line(["log", "-1", "--format=%GT"]), "never");
    assert!(
        refused.stderr.contains("[SH-GIT-COMMITTER]"),
        "{refused:#?}"
    );

    // A trust file that cannot be read trusts nobody, and does not pass for none.
    fs::write(&file, "[signers").unwrap();
    assert_eq!(mark(&git, "HEAD~1"), "E");
}

fn what_does_not_count(desk: &Desk) {
    let git = desk.repository("forged", &[]);
    let good = commit(&git, "good");
    git.run([
        "-c",
        "commit.gpgsign=false",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "unsigned",
    ]);
    assert_eq!(mark(&git, "HEAD"), "N");

    let changed = forged(&git, &good, "commit", |text| {
        text.replace("\n\ngood", "\n\nevil")
    });
    assert_eq!(mark(&git, &changed), "B");
    let refused = git.try_run(["verify-commit", &changed]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("[SH-GIT-CONTENT]"), "{refused:#?}");

    // A byte of the log entry, of the armor, of its end.
    for (from, to) in [
        ("\n MII", "\n MIJ"),
        ("\n MII", "\n !II"),
        ("-----END", "-----BND"),
    ] {
        let broken = forged(&git, &good, "commit", |text| text.replacen(from, to, 1));
        assert_eq!(mark(&git, &broken), "E", "{from} {to}");
    }
    // What is no signature at all.
    let foreign = forged(&git, &good, "commit", |text| {
        let (before, rest) = text.split_once("\ngpgsig ").unwrap();
        let (_, after) = rest.split_once("-----END SIGNED MESSAGE-----\n").unwrap();
        let after = after.strip_prefix(" \n").unwrap_or(after);
        format!(
            "{before}\ngpgsig -----BEGIN SIGNED MESSAGE-----\n nothing\n -----END SIGNED MESSAGE-----\n{after}"
        )
    });
    assert_eq!(mark(&git, &foreign), "E");

    git.run(["tag", "-m", "release", "v1", &good]);
    let changed = forged(&git, "v1", "tag", |text| {
        text.replace("\nrelease", "\nreleasf")
    });
    git.try_run(["verify-tag", &changed]).exits(1);

    // Of another instance: nobody here vouches for it.
    let stranger = Git::new(&desk.place, &git.folder)
        .with("GIT_CONFIG_COUNT", "1")
        .with("GIT_CONFIG_KEY_0", "signhere.instance")
        .with("GIT_CONFIG_VALUE_0", "github");
    assert_ne!(mark(&stranger, &good), "G");
    assert_ne!(mark(&stranger, &good), "U");
}

/// Bytes that a reader by lines would change.
fn odd_payloads(desk: &Desk) {
    let git = desk.repository("odd", &[]);
    let tree = git.line(["write-tree"]);
    for message in [
        "no final newline",
        "with\r\ncarriage\rreturns",
        "",
        "\u{1b}[31m\u{202e}\n",
    ] {
        let made = git.feed(message.as_bytes(), ["commit-tree", "-S", &tree]);
        let id = made.exits(0).stdout.trim().to_owned();
        git.run(["verify-commit", &id]);
        assert_eq!(mark(&git, &id), "U", "{message:?}");
    }
    let long = "x".repeat(3_000_000);
    let made = git.feed(long.as_bytes(), ["commit-tree", "-S", &tree]);
    git.run(["verify-commit", made.exits(0).stdout.trim()]);
}

fn other_hashes(desk: &Desk) {
    let git = desk.repository("sha256", &["--object-format=sha256"]);
    let id = commit(&git, "one");
    assert_eq!(id.len(), 64);
    assert_eq!(mark(&git, "HEAD"), "U");
    git.run(["tag", "-m", "release", "v1"]);
    git.run(["verify-tag", "v1"]);
    let raw = git.run(["cat-file", "commit", "HEAD"]).stdout;
    assert!(raw.contains("\ngpgsig-sha256 "), "{raw}");
    let changed = forged(&git, "HEAD", "commit", |text| {
        text.replace("\n\none", "\n\ntwo")
    });
    assert_eq!(mark(&git, &changed), "B");
}

fn the_programs_own_contract(desk: &Desk) {
    let instance = desk.instance.name();
    let payload = b"tree 0\n\nmessage\n";
    let environment = [
        ("SIGSTORE_ID_TOKEN", desk.token.as_str()),
        ("SIGNHERE_INSTANCE", instance),
    ];
    let call = |args: &[&str], input: Option<&[u8]>| {
        let mut command = desk.place.command(args);
        for (name, value) in environment {
            command.env(name, value);
        }
        match input {
            None => support::finish(command.spawn().unwrap()),
            Some(input) => {
                let path = desk.place.write("input", input);
                command.stdin(fs::File::open(path).unwrap());
                support::finish(command.spawn().unwrap())
            }
        }
    };
    // Outside of any repository, in both forms of the descriptor.
    let signed = call(&["--status-fd=2", "-bsau", "KEY"], Some(payload)).exits(0);
    assert!(
        signed
            .stdout
            .starts_with("-----BEGIN SIGNED MESSAGE-----\n")
    );
    assert!(signed.stdout.ends_with("\n-----END SIGNED MESSAGE-----\n"));
    let lines: Vec<&str> = signed.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{signed:#?}");
    assert!(lines[1].starts_with("[GNUPG:] SIG_CREATED D 19 8 00 "));
    let file = desk.place.write("sig", &signed.stdout);
    let file = file.to_str().unwrap();
    let good = call(&["--status-fd", "1", "--verify", file, "-"], Some(payload)).exits(0);
    assert!(
        good.stdout.contains("\n[GNUPG:] TRUST_UNDEFINED"),
        "{good:#?}"
    );

    // Twice the same signature is one; a broken one beside a good one is no good one.
    let both = desk.place.write("both", format!("{0}{0}", signed.stdout));
    let twice = call(
        &["--status-fd=1", "--verify", both.to_str().unwrap(), "-"],
        Some(payload),
    );
    assert_eq!(twice.exits(0).stdout.matches("GOODSIG").count(), 1);
    let other = call(&["--status-fd=2", "-bsau", "KEY"], Some(b"tree 1\n\n")).exits(0);
    let both = desk
        .place
        .write("both", format!("{}{}", signed.stdout, other.stdout));
    let mixed = call(
        &["--status-fd=1", "--verify", both.to_str().unwrap(), "-"],
        Some(payload),
    );
    assert!(mixed.exits(12).stdout.contains("\n[GNUPG:] BADSIG "));
    let many = desk.place.write("many", signed.stdout.repeat(9));
    let many = call(
        &["--status-fd=1", "--verify", many.to_str().unwrap(), "-"],
        Some(payload),
    );
    assert!(many.exits(12).stdout.contains("\n[GNUPG:] ERRSIG "));

    // Nothing on standard input, no such file, no such descriptor: told, and never a good signature.
    let closed = call(&["--status-fd=1", "--verify", file, "-"], None).exits(11);
    assert!(closed.stdout.contains("\n[GNUPG:] ERRSIG "), "{closed:#?}");
    assert!(closed.stderr.contains("[SH-GIT-NOTHING]"), "{closed:#?}");
    let nothing = call(&["--status-fd=2", "-bsau", "KEY"], None).exits(2);
    assert_eq!(nothing.stdout, "");
    let missing = call(
        &["--status-fd=1", "--verify", "nowhere", "-"],
        Some(payload),
    )
    .exits(1);
    assert!(
        missing.stdout.contains("\n[GNUPG:] ERRSIG "),
        "{missing:#?}"
    );
    let status = call(&["--status-fd=77", "-bsau", "KEY"], Some(payload)).exits(1);
    assert_eq!(status.stdout, "");
    assert!(status.stderr.contains("[SH-GIT-STATUS]"), "{status:#?}");
    let unknown = call(&["--status-fd=2", "--clearsign"], Some(payload)).exits(2);
    assert!(unknown.stderr.contains("[SH-USAGE]"), "{unknown:#?}");

    // Nobody is logged in, and nobody can be asked.
    let mut command = desk.place.command(["--status-fd=2", "-bsau", "KEY"]);
    command
        .env("SIGNHERE_INSTANCE", instance)
        .env("SIGNHERE_AGENT_SOCK", "");
    command.stdin(fs::File::open(desk.place.write("input", payload)).unwrap());
    let login = support::finish(command.spawn().unwrap());
    assert_eq!(login.stdout, "", "{login:#?}");
    assert_ne!(login.code, 0, "{login:#?}");
    assert!(!login.stderr.contains("SIG_CREATED"), "{login:#?}");

    // A configuration that cannot be read is not an empty one: it may say where to sign, and whom to trust.
    for (name, value) in [("GIT_CONFIG_COUNT", "many"), ("PATH", "/nowhere")] {
        let unread = |args: &[&str]| {
            let mut command = desk.place.command(args);
            command.envs(environment).env(name, value);
            command.stdin(fs::File::open(desk.place.write("input", payload)).unwrap());
            support::finish(command.spawn().unwrap())
        };
        let ran = unread(&["--status-fd=2", "-bsau", "KEY"]).exits(1);
        assert_eq!(ran.stdout, "", "{ran:#?}");
        assert!(ran.stderr.contains("[SH-GIT-"), "{ran:#?}");
        let ran = unread(&["--status-fd=1", "--verify", file, "-"]).exits(1);
        assert!(ran.stdout.contains("\n[GNUPG:] ERRSIG "), "{ran:#?}");
    }
}

/// Without a terminal nobody sees why git got no signature: it is kept until there is one.
fn the_last_failure_is_kept(desk: &Desk) {
    use std::os::unix::fs::PermissionsExt as _;

    let git = desk.repository("failure", &[]);
    commit(&git, "one");
    let path = desk.place.path(".local/state/signhere/git-failure.json");
    assert!(!path.exists());
    git.run(["config", "gitsign.matchCommitter", "true"]);
    let refused = ["-c", "user.email=bob@example.com", "-c", "user.name=Bob"];
    let refused = refused
        .iter()
        .chain(&["commit", "-q", "--allow-empty", "-m", "x"]);
    git.try_run(refused).exits(128);
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(kept["error"]["code"], "SH-GIT-MATCH-COMMITTER");
    assert_eq!(kept["error"]["found"], "Bob <bob@example.com>");
    let folder = git.folder.canonicalize().unwrap();
    assert_eq!(kept["folder"], folder.display().to_string());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    commit(&git, "two");
    assert!(!path.exists());
}

/// A user of gitsign changes one line.
fn of_gitsign(desk: &Desk) {
    let git = desk.repository("gitsign", &[]);
    let log = desk.place.path("gitsign.log");
    git.run(["config", "gitsign.matchCommitter", "true"]);
    git.run(["config", "gitsign.rekorMode", "online"]);
    git.run(["config", "gitsign.logPath", log.to_str().unwrap()]);
    commit(&git, "one");
    let refused = git.try_run([
        "-c",
        "user.email=bob@example.com",
        "-c",
        "user.name=Bob",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "x",
    ]);
    assert_eq!(refused.code, 128, "{refused:#?}");
    let written = fs::read_to_string(&log).unwrap();
    assert!(written.contains("[SH-GIT-MATCH-COMMITTER]"), "{written}");

    // Services that no instance that is known has are not used.
    git.run(["config", "--global", "--unset", "signhere.instance"]);
    git.run(["config", "gitsign.fulcio", "https://ca.example.com"]);
    git.try_run(["commit", "-q", "--allow-empty", "-m", "x"])
        .exits(128);
    let written = fs::read_to_string(&log).unwrap();
    assert!(written.contains("[SH-GIT-INSTANCE]"), "{written}");
}
