//! Pushes to a bare repository whose hook judges them, by git itself and with signatures of an instance.
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

use serde_json::Value;
use support::git::{Git, has_git};
use support::{Instance, Ran, Workplace};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const REFERENCE: &str = include_str!("../../../docs/reference/json.md");

/// A work place with an instance, a bare repository with the hook, and a clone of it.
struct Desk {
    place: Workplace,
    instance: Instance,
}

impl Desk {
    fn new() -> Self {
        let place = Workplace::new();
        let instance = Instance::start(&place);
        let desk = Self { place, instance };
        let git = desk.git("", None);
        for (key, value) in [
            ("signhere.instance", desk.instance.name()),
            ("signhere.agent", "off"),
            ("init.defaultBranch", "main"),
            ("user.name", "Somebody"),
            ("user.email", ADA),
        ] {
            git.run(["config", "--global", key, value]);
        }
        desk.place.run(["git", "setup", "--global"]).exits(0);
        desk
    }

    /// git in a folder, with somebody logged in.
    fn git(&self, folder: &str, who: Option<&str>) -> Git {
        let git = Git::new(&self.place, &self.place.path(folder));
        match who {
            None => git,
            Some(who) => {
                let email = ["token", "--instance", self.instance.name(), "--email", who];
                let token = self.place.run(email).exits(0).stdout;
                git.with("SIGSTORE_ID_TOKEN", token.trim())
                    .with("GIT_COMMITTER_EMAIL", who)
            }
        }
    }

    fn trust(&self, rules: &str) -> String {
        let issuer = &self.instance.issuer;
        let entry = |name: &str, email: &str| {
            format!(
                "[signers.{name}]\nidentity = \"{email}\"\nissuer = \"{issuer}\"\ninstances = [\"local\"]\n"
            )
        };
        format!("{}{}{rules}", entry("ada", ADA), entry("bob", BOB))
    }

    fn hook(&self, args: &[&str]) -> Ran {
        let flags = ["--instance", self.instance.name(), "git", "hook"];
        self.place.run(flags.iter().chain(args))
    }
}

const RULES: &str = "[git.rules.main]\nrefs = [\"refs/heads/main\"]\nsigners = [\"ada\", \"bob\"]\n\
    [git.rules.core]\nrefs = [\"refs/heads/main\"]\npaths = [\"core/**\", \".signhere/**\"]\nsigners = [\"ada\"]\n\
    [git.rules.two]\nrefs = [\"refs/heads/main\"]\npaths = [\"secret/**\"]\nsigners = [\"ada\", \"bob\"]\nthreshold = 2\n";

/// A signed commit of one file.
fn commit(git: &Git, file: &str, content: &str) -> String {
    let path = git.folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    git.run(["add", "-A"]);
    git.run(["commit", "-q", "-m", file]);
    git.line(["rev-parse", "HEAD"])
}

/// A push that is refused, and the clone as it was before; what the server said.
#[track_caller]
fn refused(git: &Git, push: &[&str], back: &str, expected: &[&str]) -> String {
    let ran = git.try_run(["push", "-q", "origin"].iter().chain(push));
    assert_ne!(ran.code, 0, "{ran:#?}");
    for text in expected {
        assert!(ran.stderr.contains(text), "{text}: {ran:#?}");
    }
    git.run(["reset", "-q", "--hard", back]);
    ran.stderr
}

#[test]
fn a_server_takes_what_its_trust_file_allows_and_nothing_else() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    desk.git("", None)
        .run(["init", "-q", "--bare", "server.git"]);
    let server = desk.place.path("server.git");
    let url = format!("file://{}", server.display());
    desk.git("", None).run(["clone", "-q", &url, "clone"]);
    let ada = desk.git("clone", Some(ADA));
    fs::create_dir_all(ada.folder.join(".signhere")).unwrap();
    let first = commit(&ada, ".signhere/trust.toml", &desk.trust(RULES));
    ada.run(["push", "-q", "origin", "main"]);

    the_hook_is_set_and_told_apart(&desk);
    what_is_allowed_passes(&desk, &ada, &first);
    what_is_not_is_refused(&desk, &ada);
    configuration_changes_nothing(&desk, &ada);
    a_hook_that_dies_lets_nothing_through(&desk, &ada);
    a_tag_takes_two(&desk, &ada);
    a_merge_is_the_work_of_its_sides(&desk, &ada);
    a_pull_request_is_judged(&desk, &ada);
}

fn the_hook_is_set_and_told_apart(desk: &Desk) {
    let server = desk.place.path("server.git");
    let server = server.to_str().unwrap();
    desk.hook(&["status", "-C", server]).exits(50);
    let hook = desk.place.path("server.git/hooks/pre-receive");
    // Another's hook is not replaced, and is run first where that is asked for.
    fs::write(&hook, "#!/bin/sh\ncat > \"$GIT_DIR/seen\"\n").unwrap();
    std::process::Command::new("chmod")
        .arg("+x")
        .arg(&hook)
        .status()
        .unwrap();
    let ran = desk.hook(&["install", "-C", server]).exits(1);
    assert!(ran.stderr.contains("SH-GIT-HOOK"), "{ran:#?}");
    desk.hook(&["install", "--chain", "-C", server]).exits(0);
    desk.hook(&["status", "-C", server]).exits(0);
    let document = desk
        .hook(&["status", "--json", "-C", server])
        .exits(0)
        .json();
    assert_eq!(document["inForce"], Value::Bool(true));
    is_described(&document);
    // Where git looks elsewhere, it is not in force, and says so.
    let git = desk.git("server.git", None);
    git.run(["config", "core.hooksPath", "/nowhere"]);
    let ran = desk.hook(&["status", "-C", server]).exits(50);
    assert!(ran.stdout.contains("core.hooksPath"), "{ran:#?}");
    desk.hook(&["install", "-C", server]).exits(1);
    git.run(["config", "--unset", "core.hooksPath"]);
    desk.hook(&["status", "-C", server]).exits(0);
}

fn what_is_allowed_passes(desk: &Desk, ada: &Git, first: &str) {
    let bob = desk.git("clone", Some(BOB));
    commit(&bob, "readme", "by bob");
    commit(ada, "core/a", "by ada");
    let ran = ada.run(["push", "origin", "main"]);
    assert!(
        ran.stderr.contains("refs/heads/main is let through"),
        "{ran:#?}"
    );
    assert!(ran.stderr.contains("2 commits and tags judged"), "{ran:#?}");
    // What was proven is kept, in the home of whoever runs the server.
    let kept = fs::read_dir(desk.place.path(".cache/signhere/git-verdicts")).unwrap();
    assert!(
        kept.flatten()
            .any(|file| file.metadata().unwrap().len() > 100)
    );
    let seen = fs::read_to_string(desk.place.path("server.git/seen")).unwrap();
    assert!(seen.starts_with(first), "{seen}");
}

fn what_is_not_is_refused(desk: &Desk, ada: &Git) {
    let base = ada.line(["rev-parse", "HEAD"]);
    let bob = desk.git("clone", Some(BOB));
    let push = ["main"];

    fs::write(ada.folder.join("x"), "x").unwrap();
    ada.run(["add", "-A"]);
    ada.run([
        "commit",
        "-q",
        "--no-gpg-sign",
        "-m",
        "evil \u{1b}[2J subject",
    ]);
    let said = refused(
        ada,
        &push,
        &base,
        &["SH-GIT-UNSIGNED", "is refused", "remote:"],
    );
    assert!(
        !said.contains("\u{1b}[2J") && said.contains("\\u{1b}"),
        "{said}"
    );

    // Another message under the same signature.
    commit(ada, "x", "1");
    let bytes = ada
        .run(["cat-file", "commit", "HEAD"])
        .stdout
        .replace("\nx\n", "\nforged\n");
    let forged = ada.feed(
        bytes.as_bytes(),
        ["hash-object", "-t", "commit", "-w", "--stdin"],
    );
    ada.run(["reset", "-q", "--hard", forged.stdout.trim()]);
    refused(ada, &push, &base, &["SH-GIT-CONTENT"]);

    // A stranger, and one who looks like somebody.
    let eve = desk.git("clone", Some("eve@evil.example"));
    commit(&eve, "x", "1");
    refused(&eve, &push, &base, &["SH-SIGNER-UNLISTED"]);
    let alike = desk.git("clone", Some("adaa@example.com"));
    commit(&alike, "x", "1");
    refused(&alike, &push, &base, &["SH-IDENTITY"]);

    // The wrong person for a path; one person where two are asked for.
    commit(&bob, "core/b", "by bob");
    refused(&bob, &push, &base, &["SH-GIT-RULE", "rule core", "core/b"]);
    commit(ada, "secret/s", "by ada");
    refused(ada, &push, &base, &["SH-GIT-RULE", "rule two asks for 2"]);

    // Bob makes himself one who may.
    let wide = desk.trust(&RULES.replace("signers = [\"ada\"]", "signers = [\"ada\", \"bob\"]"));
    commit(&bob, ".signhere/trust.toml", &wide);
    commit(&bob, "core/b", "by bob");
    refused(&bob, &push, &base, &["SH-GIT-RULE", ".signhere/trust.toml"]);

    // Ada's name on what Bob signed.
    let posing = desk
        .git("clone", Some(BOB))
        .with("GIT_COMMITTER_EMAIL", ADA);
    fs::write(posing.folder.join("y"), "y").unwrap();
    posing.run(["add", "-A"]);
    posing.run(["commit", "-q", "-m", "posing"]);
    refused(&posing, &push, &base, &["SH-GIT-IMPERSONATION"]);

    // History written anew, and gone.
    ada.run(["reset", "-q", "--hard", "HEAD~1"]);
    commit(ada, "other", "1");
    refused(ada, &["--force", "main"], &base, &["SH-GIT-REWRITE"]);
    refused(ada, &["--delete", "main"], &base, &["is not deleted"]);
    let server = desk.git("server.git", None);
    assert_eq!(server.line(["rev-parse", "main"]), base);
}

/// Nothing that a pusher or the repository has configured replaces what judges.
fn configuration_changes_nothing(desk: &Desk, ada: &Git) {
    let base = ada.line(["rev-parse", "HEAD"]);
    let server = desk.git("server.git", None);
    let yes = desk
        .place
        .write("yes", "#!/bin/sh\necho '[GNUPG:] GOODSIG x x'\n");
    std::process::Command::new("chmod")
        .arg("+x")
        .arg(&yes)
        .status()
        .unwrap();
    let yes = yes.to_str().unwrap();
    for git in [&server, ada] {
        git.run(["config", "gpg.x509.program", yes]);
        git.run(["config", "gpg.program", yes]);
    }
    ada.run(["config", "core.hooksPath", "/nowhere"]);
    fs::write(ada.folder.join("z"), "z").unwrap();
    ada.run(["add", "-A"]);
    ada.run(["commit", "-q", "--no-gpg-sign", "-m", "unsigned"]);
    let unsigned = ada.line(["rev-parse", "HEAD"]);
    refused(ada, &["main"], &base, &["SH-GIT-UNSIGNED"]);
    // A replacement of the commit by a good one, and a graft that hides it.
    ada.run(["push", "-q", "origin", &format!("{base}:refs/heads/keep")]);
    ada.run(["reset", "-q", "--hard", &unsigned]);
    ada.run(["replace", "-f", &unsigned, &base]);
    let replacement = format!("refs/replace/{unsigned}");
    let ran = ada.try_run(["push", "-q", "origin", &replacement]);
    assert!(
        ran.code != 0 && ran.stderr.contains("SH-GIT-REF"),
        "{ran:#?}"
    );
    ada.run(["replace", "-d", &unsigned]);
    server.run(["update-ref", &replacement, &base]);
    refused(ada, &["main"], &base, &["SH-GIT-UNSIGNED"]);
    fs::create_dir_all(desk.place.path("server.git/info")).unwrap();
    fs::write(
        desk.place.path("server.git/info/grafts"),
        format!("{unsigned}\n"),
    )
    .unwrap();
    ada.run(["reset", "-q", "--hard", &unsigned]);
    refused(ada, &["main"], &base, &["SH-GIT-UNSIGNED"]);
    fs::remove_file(desk.place.path("server.git/info/grafts")).unwrap();
    for git in [&server, ada] {
        git.run(["config", "--unset", "gpg.x509.program"]);
    }
    ada.run(["config", "--unset", "core.hooksPath"]);
    assert_eq!(server.line(["rev-parse", "main"]), base);
}

/// What judges is killed, or is gone.
fn a_hook_that_dies_lets_nothing_through(desk: &Desk, ada: &Git) {
    let base = ada.line(["rev-parse", "HEAD"]);
    let hook = desk.place.path("server.git/hooks/pre-receive");
    let good = fs::read_to_string(&hook).unwrap();
    let program = env!("CARGO_BIN_EXE_signhere");
    assert!(good.contains(program), "{good}");
    let dies = desk.place.write("dies", "#!/bin/sh\nkill -9 $$\n");
    std::process::Command::new("chmod")
        .arg("+x")
        .arg(&dies)
        .status()
        .unwrap();
    for other in [dies.to_str().unwrap(), "/nowhere/signhere"] {
        fs::write(&hook, good.replace(program, other)).unwrap();
        commit(ada, "fine", "1");
        refused(ada, &["main"], &base, &[]);
    }
    fs::write(&hook, good).unwrap();
    let server = desk.git("server.git", None);
    assert_eq!(server.line(["rev-parse", "main"]), base);
}

/// Bob, who may change nothing in core, merges what Ada changed on both sides in one file there.
fn a_merge_is_the_work_of_its_sides(desk: &Desk, ada: &Git) {
    let lines = |first: &str, last: &str| format!("{first}\n{}{last}\n", "same\n".repeat(9));
    let base = commit(ada, "core/m", &lines("1", "1"));
    ada.run(["checkout", "-q", "-b", "side"]);
    commit(ada, "core/m", &lines("1", "2"));
    ada.run(["checkout", "-q", "main"]);
    commit(ada, "core/m", &lines("2", "1"));
    let bob = desk.git("clone", Some(BOB));
    bob.run(["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let merge = bob.line(["rev-parse", "HEAD"]);
    bob.run(["reset", "-q", "--hard", "HEAD^"]);
    bob.run(["merge", "-q", "--no-ff", "--no-commit", "side"]);
    commit(&bob, "core/m", &lines("2", "3"));
    refused(&bob, &["main"], &merge, &["SH-GIT-RULE", "core/m"]);
    if merges_again() {
        bob.run(["push", "-q", "origin", "main"]);
    } else {
        refused(&bob, &["main"], &base, &["SH-GIT-RULE", "core/m"]);
    }
    // The folder in which it was made again is gone, and nothing of it came with the push.
    let server = desk.git("server.git", None);
    server.run(["fsck", "--no-dangling"]);
}

/// Whether git is 2.38 or newer.
fn merges_again() -> bool {
    let output = std::process::Command::new("git").arg("version").output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let mut numbers = text.trim_start_matches("git version ").split('.');
    let mut number = || numbers.next().and_then(|n| n.parse::<u32>().ok());
    (number(), number()) >= (Some(2), Some(38))
}

/// A tag that asks for two people is signed by one and approved by the other.
fn a_tag_takes_two(desk: &Desk, ada: &Git) {
    let rule = "[git.rules.releases]\nrefs = [\"refs/tags/v/*\"]\nsigners = [\"ada\", \"bob\"]\nthreshold = 2\n";
    let trust = desk.trust(&format!("{RULES}{rule}"));
    let base = commit(ada, ".signhere/trust.toml", &trust);
    ada.run(["push", "-q", "origin", "main"]);
    ada.run(["tag", "-s", "-m", "first release", "v/1"]);
    let asks = "rule releases asks for 2";
    refused(ada, &["v/1"], &base, &["SH-GIT-RULE", asks]);
    let approve = |who: &str, object: &str| {
        let token = ["token", "--instance", desk.instance.name(), "--email", who];
        let token = desk.place.run(token).exits(0).stdout;
        let folder = ada.folder.to_str().unwrap();
        let flags = ["--instance", desk.instance.name(), "git", "approve"];
        let more = [object, "-C", folder, "--push", "origin"];
        let mut command = desk.place.command(flags.iter().chain(&more));
        command.env("SIGSTORE_ID_TOKEN", token.trim());
        support::finish(command.spawn().unwrap()).exits(0)
    };
    // Neither the signer again, nor what is said of the commit.
    approve(ADA, "v/1");
    approve(BOB, "v/1^{commit}");
    refused(ada, &["v/1"], &base, &["SH-GIT-RULE", asks]);
    approve(BOB, "v/1");
    ada.run(["push", "-q", "origin", "v/1"]);
}

fn a_pull_request_is_judged(desk: &Desk, ada: &Git) {
    let bob = desk.git("clone", Some(BOB));
    commit(&bob, "readme", "again");
    let folder = ada.folder.to_str().unwrap().to_owned();
    let flags = [
        "--offline",
        "--instance",
        desk.instance.name(),
        "git",
        "check",
        "-C",
        &folder,
    ];
    let check = |more: &[&str]| desk.place.run(flags.iter().chain(more));
    let range = ["--base", "origin/main", "--head", "HEAD"];
    check(&range).exits(0);
    commit(&bob, "core/c", "by bob");
    let report = desk.place.path("report.json");
    let report = report.to_str().unwrap();
    let sarif = desk.place.path("log.sarif");
    let sarif = sarif.to_str().unwrap();
    let more = [
        &range[..],
        &[
            "--annotate",
            "github",
            "--code-quality",
            report,
            "--sarif",
            sarif,
        ],
    ]
    .concat();
    let ran = check(&more).exits(22);
    let start = "::error title=SH-GIT-RULE commit ";
    let line = ran.stdout.lines().find(|line| line.starts_with(start));
    assert!(
        line.is_some_and(|line| line.contains(",file=core/c,line=1::")),
        "{ran:#?}"
    );
    let issues: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(issues[0]["location"]["path"], "core/c");
    assert_eq!(issues[0]["check_name"], "SH-GIT-RULE");
    let log: Value = serde_json::from_str(&fs::read_to_string(sarif).unwrap()).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "SH-GIT-RULE");
    let document = check(&[&range[..], &["--json"]].concat()).exits(22).json();
    assert_eq!(document["allowed"], Value::Bool(false));
    assert_eq!(document["commits"].as_array().unwrap().len(), 2);
    is_described(&document);
    // The pull request's own file judges nothing, not even where the target has none and it is checked out.
    bob.run(["checkout", "-q", "-b", "own"]);
    let all = ["--base", "empty", "--ref", "refs/heads/pages"];
    let root = bob.line([
        "commit-tree",
        "-m",
        "root",
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    ]);
    bob.run(["branch", "empty", &root]);
    check(&all).exits(0);
    bob.run(["update-ref", "-d", "refs/remotes/origin/main"]);
    bob.run(["update-ref", "-d", "refs/remotes/origin/HEAD"]);
    check(&all).exits(30);
    bob.run(["fetch", "-q", "origin"]);
    bob.run(["checkout", "-q", "main"]);
    // On a branch without such rules it is fine.
    check(&["--base", "origin/main", "--ref", "refs/heads/other"]).exits(0);
    // A clone says before a push what the server would.
    desk.hook(&["install", "-C", &folder]).exits(0);
    ada.run(["remote", "set-head", "origin", "main"]);
    let ran = ada.try_run(["push", "-q", "origin", "main"]);
    assert_ne!(ran.code, 0);
    assert!(
        ran.stderr.contains("SH-GIT-RULE") && !ran.stderr.contains("remote:"),
        "{ran:#?}"
    );
    desk.hook(&["remove", "-C", &folder]).exits(0);
    desk.hook(&["remove", "-C", &folder]).exits(1);
    assert!(!Path::new(&folder).join(".git/hooks/pre-push").exists());
}

/// Every field of a document is described.
fn is_described(document: &Value) {
    let Value::Object(fields) = document else {
        return;
    };
    for (name, value) in fields {
        let is_there = ["`", "[]`"]
            .iter()
            .any(|end| REFERENCE.contains(&format!("{name}{end}")));
        assert!(is_there, "{name} is not in json.md");
        match value {
            Value::Array(items) => items.iter().for_each(is_described),
            value => is_described(value),
        }
    }
}

#[test]
fn a_job_is_made_for_each_forge() {
    let place = Workplace::new();
    let digest = "a".repeat(64);
    let flags = ["--url", "https://example.org/signhere", "--sha256", &digest];
    let job = |forge: &str| {
        place
            .run(["git", "ci", forge].iter().chain(&flags))
            .exits(0)
            .stdout
    };
    let (github, gitlab) = (job("github"), job("gitlab"));
    for text in [
        "contents: read",
        "permissions: {}",
        "persist-credentials: false",
        &digest,
    ] {
        assert!(github.contains(text), "{text}: {github}");
    }
    assert!(
        !github.contains("pull_request_target") && !github.contains("secrets."),
        "{github}"
    );
    assert!(
        gitlab.contains("codequality: gl-code-quality-report.json"),
        "{gitlab}"
    );
    place
        .run(["git", "ci", "github", "--write"].iter().chain(&flags))
        .exits(0);
    place
        .run(["git", "ci", "github", "--write"].iter().chain(&flags))
        .exits(1);
    let written = fs::read_to_string(place.path(".github/workflows/signhere.yml")).unwrap();
    assert_eq!(written, github);
    for (url, sha256) in [
        ("http://example.org/x", digest.as_str()),
        ("https://example.org/'; id; '", &digest),
        ("https://example.org/x", "abc"),
    ] {
        place
            .run(["git", "ci", "github", "--url", url, "--sha256", sha256])
            .exits(2);
    }
}
