//! `signhere git verify`: ranges, single objects, kept verdicts, rules of trust files, and repositories that lie.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use signhere_testkit::forge::{Forge, GitPlan, ISSUER, RootVersion, Stage, commit};
use signhere_testkit::git::GitRepository;
use support::{Ran, Workplace};

const REFERENCE: &str = include_str!("../../../docs/reference/json.md");
const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const PERSON: &str = "Ada <ada@example.com> 1780315200 +0000";
const PGP: &str =
    "-----BEGIN PGP SIGNATURE-----\n\niF4EABYIAAYFAmAAAAAACgkQtQ==\n-----END PGP SIGNATURE-----\n";

/// A repository, an instance, and a home of its own.
struct Desk {
    place: Workplace,
    forge: Forge,
    repository: GitRepository,
    tree: String,
    root: String,
}

impl Desk {
    fn new() -> Self {
        let (place, forge) = (Workplace::new(), Forge::new());
        let root = place.write(
            "root.json",
            forge.trusted_root(RootVersion::V0_1).to_string(),
        );
        let repository = GitRepository::new();
        let tree = repository.store("tree", b"");
        place.write("trust.toml", trust(ADA));
        Self {
            place,
            forge,
            repository,
            tree,
            root: root.display().to_string(),
        }
    }

    fn payload(&self, tree: &str, parent: Option<&str>, message: &str) -> String {
        let parent = parent.map_or_else(String::new, |parent| format!("parent {parent}\n"));
        format!("tree {tree}\n{parent}author {PERSON}\ncommitter {PERSON}\n\n{message}")
    }

    fn unsigned(&self, parent: Option<&str>, message: &str) -> String {
        let payload = self.payload(&self.tree, parent, message);
        self.repository.store("commit", payload.as_bytes())
    }

    fn signed(&self, by: &str, parent: Option<&str>, message: &str) -> String {
        self.signed_with(&self.tree, by, parent, message)
    }

    fn signed_with(&self, tree: &str, by: &str, parent: Option<&str>, message: &str) -> String {
        let payload = self.payload(tree, parent, message);
        let bytes = self.forge.commit_by(by, payload.as_bytes());
        self.repository.store("commit", &bytes)
    }

    fn online(&self, parent: Option<&str>, message: &str) -> String {
        let payload = self.payload(&self.tree, parent, message);
        let armor = self
            .forge
            .git_armor(payload.as_bytes(), &GitPlan::ONLINE, |stage| {
                if let Stage::Leaf(plan) = stage {
                    plan.san = signhere_pki::cert::San::Email(ADA.to_owned());
                }
            });
        let bytes = commit(payload.as_bytes(), &armor);
        self.repository.store("commit", &bytes)
    }

    /// A signature of another commit.
    fn forged(&self, parent: Option<&str>, message: &str) -> String {
        let payload = self.payload(&self.tree, parent, message);
        let armor = self.forge.signature_by(ADA, b"something else");
        let bytes = commit(payload.as_bytes(), &armor);
        self.repository.store("commit", &bytes)
    }

    fn pgp(&self, parent: Option<&str>, message: &str) -> String {
        let payload = self.payload(&self.tree, parent, message);
        let bytes = commit(payload.as_bytes(), PGP);
        self.repository.store("commit", &bytes)
    }

    fn branch(&self, name: &str, tip: &str) {
        let name = format!("refs/heads/{name}");
        self.repository.git(&["update-ref", &name, tip]);
    }

    fn verify(&self, arguments: &[&str]) -> Ran {
        let folder = self.repository.path().display().to_string();
        let mut all = vec!["git", "verify", "-C", &folder, "--trusted-root", &self.root];
        all.extend(arguments);
        self.place.run(all)
    }

    /// With the trust file that lists Ada.
    fn by_ada(&self, arguments: &[&str]) -> Ran {
        let file = self.place.path("trust.toml").display().to_string();
        let mut all = vec!["--trust", &file];
        all.extend(arguments);
        self.verify(&all)
    }

    fn kept(&self) -> PathBuf {
        self.place.path(".cache/signhere/git-verdicts")
    }
}

fn trust(identity: &str) -> String {
    format!("[signers.ada]\nidentity = \"{identity}\"\nissuer = \"{ISSUER}\"\n")
}

fn outcomes(document: &Value) -> Vec<&str> {
    let results = document["results"].as_array().unwrap().iter();
    results
        .map(|one| one["outcome"].as_str().unwrap())
        .collect()
}

#[test]
fn each_outcome_has_its_words_and_its_exit_code() {
    let desk = Desk::new();
    let good = desk.signed(ADA, None, "good\n");
    let cases = [
        (
            desk.signed(EVE, None, "eve"),
            21,
            "notAllowed",
            "SH-SIGNER-UNLISTED",
        ),
        (
            desk.online(None, "online"),
            31,
            "unproven",
            "SH-GIT-UNPROVEN",
        ),
        (desk.forged(None, "forged"), 12, "refused", "SH-GIT-CONTENT"),
        (
            desk.unsigned(None, "unsigned"),
            10,
            "unsigned",
            "SH-GIT-UNSIGNED",
        ),
        (desk.pgp(None, "pgp"), 12, "foreign", "SH-GIT-FOREIGN"),
    ];
    let ran = desk.by_ada(&[&good]).exits(0);
    assert!(ran.stdout.contains("signed by ada@example.com"), "{ran:?}");
    for check in [
        "signature",
        "log",
        "time",
        "certificate",
        "sct",
        "identity",
        "policy",
    ] {
        assert!(
            ran.stdout.contains(&format!("✓ {check:<11} ")),
            "{check}: {ran:?}"
        );
    }
    for (id, code, outcome, error) in cases {
        let ran = desk.by_ada(&[&id, "--json"]).exits(code);
        let document = ran.json();
        assert_eq!(document["verified"], false);
        assert_eq!(outcomes(&document), [outcome]);
        assert_eq!(document["results"][0]["error"]["code"], error);
        let ran = desk.by_ada(&[&id]).exits(code);
        assert!(ran.stderr.contains(error), "{ran:?}");
    }
}

#[test]
fn what_was_never_embedded_is_said_with_what_would_fetch_it() {
    let desk = Desk::new();
    let online = desk.online(None, "online");
    desk.branch("main", &online);
    let ran = desk.by_ada(&[]).exits(31);
    assert!(
        ran.stderr.contains(
            "the signature by ada@example.com is good, and its log entry was never embedded"
        ),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("signhere git rescue HEAD"), "{ran:?}");
    // What was kept of that answer is said of what is asked for now.
    let ran = desk.by_ada(&["main"]).exits(31);
    assert!(ran.stderr.contains("signhere git rescue main"), "{ran:?}");
    let document = desk.by_ada(&["--json"]).exits(31).json();
    assert_eq!(
        document["results"][0]["missing"],
        serde_json::json!(["log", "time"])
    );
}

#[test]
fn ranges_keep_their_order_and_end_with_a_table() {
    let desk = Desk::new();
    let mut ids = vec![desk.signed(ADA, None, "0")];
    for number in 1..40 {
        let parent = ids.last().cloned();
        let message = number.to_string();
        ids.push(match number % 4 {
            0 => desk.unsigned(parent.as_deref(), &message),
            1 => desk.online(parent.as_deref(), &message),
            _ => desk.signed(ADA, parent.as_deref(), &message),
        });
    }
    desk.branch("main", ids.last().unwrap());
    let range = format!("{}..main", ids[0]);
    let ran = desk.by_ada(&[&range, "--json"]).exits(50);
    let document = ran.json();
    let found = document["results"].as_array().unwrap().iter();
    let found: Vec<_> = found.map(|one| one["object"].as_str().unwrap()).collect();
    let expected: Vec<_> = ids[1..].iter().rev().map(String::as_str).collect();
    assert_eq!(found, expected);
    let summary = &document["summary"];
    assert_eq!(summary["total"], 39);
    assert_eq!(summary["verified"], 20);
    assert_eq!(summary["unproven"], 10);
    assert_eq!(summary["unsigned"], 9);
    assert_eq!(summary["signers"][0]["identity"], ADA);
    assert_eq!(summary["signers"][0]["verified"], 20);
    documented(&document);

    let ran = desk.by_ada(&[&range]).exits(50);
    for line in ["20  verified", "10  good, not proven when", " 9  unsigned"] {
        assert!(ran.stdout.contains(line), "{line}: {ran:?}");
    }
    // The same reason for all has its own exit code.
    let range = format!("{}..{}", ids[0], ids[1]);
    desk.by_ada(&[&range]).exits(31);
    // All of it, with an annotated tag.
    desk.repository
        .git(&["tag", "-a", "v1", "-m", "one", &ids[3]]);
    let document = desk.by_ada(&["--all", "--json"]).exits(50).json();
    assert_eq!(document["summary"]["total"], 41);
    assert_eq!(document["results"][0]["kind"], "tag");
    // Nothing at all.
    let range = format!("{0}..{0}", ids[0]);
    let ran = desk.by_ada(&[&range]).exits(0);
    assert!(ran.stdout.contains("the range is empty"), "{ran:?}");
    assert_eq!(ran.stderr, "");
    let backwards = format!("{}..{}", ids[1], ids[0]);
    let ran = desk.by_ada(&[&backwards]).exits(0);
    assert!(ran.stderr.contains("it ends before it begins"), "{ran:?}");
}

fn documented(document: &Value) {
    assert_eq!(document["version"], 1);
    let section = REFERENCE
        .split("\n## ")
        .find(|part| part.starts_with("`git verify`"));
    let section = section.unwrap();
    let mut fields: Vec<&String> = document.as_object().unwrap().keys().collect();
    fields.extend(document["results"][0].as_object().unwrap().keys());
    fields.extend(document["summary"].as_object().unwrap().keys());
    for field in fields {
        assert!(section.contains(field.as_str()), "{field}");
    }
}

#[test]
fn tags_are_verified_and_their_commits_when_asked() {
    let desk = Desk::new();
    let commit = desk.unsigned(None, "unsigned");
    let payload = format!("object {commit}\ntype commit\ntag v1\ntagger {PERSON}\n\none\n");
    let tag = desk.forge.tag_by(ADA, payload.as_bytes());
    let tag = desk.repository.store("tag", &tag);
    desk.repository.git(&["update-ref", "refs/tags/v1", &tag]);
    desk.by_ada(&["v1"]).exits(0);
    let document = desk.by_ada(&["v1", "--targets", "--json"]).exits(10).json();
    assert_eq!(outcomes(&document), ["verified", "unsigned"]);
}

#[test]
fn an_identity_may_be_named_instead_of_a_trust_file() {
    let desk = Desk::new();
    let good = desk.signed(ADA, None, "good");
    let named = |identity: &str, issuer: &str| {
        let flags = [
            "--certificate-identity",
            identity,
            "--certificate-oidc-issuer",
            issuer,
            &good,
        ];
        desk.verify(&flags)
    };
    named(ADA, ISSUER).exits(0);
    let ran = named(EVE, ISSUER).exits(20);
    assert!(ran.stderr.contains("SH-IDENTITY"), "{ran:?}");
    named(ADA, "https://issuer.example.com").exits(20);
    desk.verify(&["--certificate-identity", ADA, &good])
        .exits(2);
}

#[test]
fn the_second_look_is_free_and_says_the_same() {
    let desk = Desk::new();
    let first = desk.signed(ADA, None, "first");
    let second = desk.unsigned(Some(&first), "second");
    desk.branch("main", &second);
    let once = desk.by_ada(&["--all", "--json"]).exits(10);
    assert_eq!(fs::read_dir(desk.kept()).unwrap().count(), 1);
    // The objects are gone, but for those that the history is found by: what is said comes from the kept verdicts.
    let again = desk.by_ada(&["--all", "--json"]).exits(10);
    assert_eq!(once.stdout, again.stdout);
    // Another policy or ref is another question.
    desk.place.write("trust.toml", trust(EVE));
    desk.by_ada(&["--all"]).exits(50);
    desk.place.write("trust.toml", trust(ADA));
    desk.by_ada(&["--all", "--ref", "main"]).exits(10);
    assert_eq!(fs::read_dir(desk.kept()).unwrap().count(), 2);

    // What others may have written is not believed.
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(desk.kept(), fs::Permissions::from_mode(0o777)).unwrap();
    let ran = desk.by_ada(&["--all"]).exits(10);
    assert!(
        ran.stderr.contains("note: nothing is looked up or kept"),
        "{ran:?}"
    );
    desk.by_ada(&["--all", "--no-cache"]).exits(10);
}

#[test]
fn what_could_not_be_read_is_tried_again() {
    let desk = Desk::new();
    let good = desk.signed(ADA, None, "good");
    let path = desk.repository.path().join(".git/objects");
    let path = path.join(&good[..2]).join(&good[2..]);
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let ran = desk.by_ada(&[&good]);
    assert!(ran.code == 1 || ran.code == 11, "{ran:?}");
    assert!(ran.stderr.contains("SH-GIT-"), "{ran:?}");
    fs::remove_file(&path).unwrap();
    fs::write(&path, whole).unwrap();
    desk.by_ada(&[&good]).exits(0);
}

#[test]
fn terminal_escapes_are_shown_and_not_obeyed() {
    let desk = Desk::new();
    let id = desk.unsigned(None, "\u{1b}[2J\u{1b}]0;owned\u{7} subject");
    let ran = desk.by_ada(&[&id]).exits(10);
    assert!(
        !ran.stdout.contains('\u{1b}') && !ran.stdout.contains('\u{7}'),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("\\u{1b}[2J"), "{ran:?}");
}

#[test]
fn sarif_names_each_commit_that_is_not_verified() {
    let desk = Desk::new();
    let good = desk.signed(ADA, None, "good");
    let bad = desk.unsigned(Some(&good), "bad");
    desk.branch("main", &bad);
    let ran = desk.by_ada(&["--all", "--sarif", "-"]).exits(10);
    let log = ran.json();
    assert_eq!(log["version"], "2.1.0");
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(results[0]["ruleId"], "SH-GIT-UNSIGNED");
    let uri = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, &format!("git/{bad}"));
    let file = desk.place.path("log.sarif");
    let ran = desk
        .by_ada(&["--all", "--sarif", file.to_str().unwrap()])
        .exits(10);
    assert!(ran.stdout.contains("unsigned"), "{ran:?}");
    assert_eq!(fs::read_to_string(file).unwrap(), format!("{:#}\n", log));
    desk.by_ada(&["--all", "--sarif", "-", "--json"]).exits(2);
}

#[test]
fn revisions_and_repositories_that_are_none_are_coded_errors() {
    let desk = Desk::new();
    let says = |arguments: &[&str], code: i32, error: &str| {
        let ran = desk.by_ada(arguments).exits(code);
        assert!(ran.stderr.contains(error), "{ran:?}");
    };
    says(&["nothing"], 11, "SH-GIT-REVISION");
    says(&["nothing"], 11, "git fetch --tags");
    says(&["--", "--upload-pack=x"], 2, "SH-GIT-REVISION");
    says(&["a...b"], 2, "  expected  A..B\n");
    says(&["^main"], 2, "  expected  A..B\n");
    let unborn = "error: there is no commit on refs/heads/main yet [SH-GIT-REVISION]\n      mend  git commit, or name another branch\n";
    for arguments in [&[][..], &["HEAD"], &["--targets"]] {
        assert_eq!(desk.by_ada(arguments).exits(11).stderr, unborn);
    }
    let tree = desk.tree.clone();
    says(&[&tree], 1, "SH-GIT-KIND");
    says(&[&tree], 1, "  expected  commit or tag\n     found  tree\n");
    let absent = "0123456789".repeat(4);
    says(&[&absent], 11, "SH-GIT-REVISION");
    let ran = desk.place.run(["git", "verify"]).exits(1);
    assert!(ran.stderr.contains("SH-GIT-REPOSITORY"), "{ran:?}");

    let first = desk.signed(ADA, None, "first");
    let second = desk.signed(ADA, Some(&first), "second");
    desk.branch("main", &second);
    let shallow = GitRepository::cloned(desk.repository.path(), &["--depth=1"]);
    let folder = shallow.path().display().to_string();
    let file = desk.place.path("trust.toml").display().to_string();
    let ran = desk.place.run([
        "git",
        "verify",
        "-C",
        &folder,
        "--trusted-root",
        &desk.root,
        "--trust",
        &file,
        "--all",
    ]);
    let ran = ran.exits(1);
    assert!(ran.stderr.contains("SH-GIT-INCOMPLETE"), "{ran:?}");
    assert!(ran.stderr.contains("git fetch --unshallow"), "{ran:?}");

    // A tag that is called as the branch is.
    desk.repository
        .git(&["update-ref", "refs/tags/main", &first]);
    says(
        &["main"],
        11,
        "  expected  one commit or tag\n     found  refs/heads/main, refs/tags/main\n",
    );
    says(&["refs/heads/main"], 0, "");
    let torn = desk.repository.path().join(".git/refs/heads/torn");
    fs::write(torn, "0123").unwrap();
    says(
        &["--all"],
        1,
        "error: the ref refs/heads/torn is damaged [SH-GIT-DAMAGED]",
    );
}

#[test]
fn ssh_signatures_are_held_against_the_allowed_signers() {
    let desk = Desk::new();
    let key = desk.place.path("key");
    let mut keygen = desk.repository.command("ssh-keygen");
    keygen
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&key);
    if !keygen.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no ssh-keygen");
        return;
    }
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    desk.repository.git(&["config", "gpg.format", "ssh"]);
    desk.repository
        .git(&["config", "user.signingKey", key.to_str().unwrap()]);
    desk.repository
        .git(&["commit", "-q", "--allow-empty", "-S", "-m", "by ssh"]);
    desk.by_ada(&[]).exits(12);
    let allowed = |text: String| desk.place.write("allowed", text).display().to_string();
    let file = allowed(format!("ada@example.com {public}"));
    let ran = desk.by_ada(&["--allowed-signers", &file]).exits(0);
    assert!(ran.stdout.contains("signed by ada@example.com"), "{ran:?}");
    assert!(ran.stdout.contains("SHA256:"), "{ran:?}");
    let file = allowed(format!("ada@example.com namespaces=\"file\" {public}"));
    let ran = desk.by_ada(&["--allowed-signers", &file]).exits(21);
    assert!(ran.stderr.contains("SH-GIT-SSH"), "{ran:?}");
    let file = allowed("ada@example.com nonsense\n".to_owned());
    let ran = desk.by_ada(&["--allowed-signers", &file]).exits(30);
    assert!(ran.stderr.contains("SH-GIT-ALLOWED-SIGNERS"), "{ran:?}");

    // By the rules of a trust file a key counts now, and perhaps not tomorrow: that is not kept.
    allowed(format!("ada@example.com {public}"));
    let rules = format!("{}[git]\nallowed_signers = \"allowed\"\n", trust(ADA));
    let rules = desk.place.write("rules.toml", rules).display().to_string();
    let kept = || -> u64 {
        let files = fs::read_dir(desk.kept()).unwrap();
        files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum()
    };
    let before = kept();
    desk.verify(&["--trust", &rules]).exits(0);
    assert_eq!(kept(), before);
    allowed(format!(
        "ada@example.com valid-before=\"20200101Z\" {public}"
    ));
    desk.verify(&["--trust", &rules]).exits(21);
}

#[test]
fn the_rules_for_commits_decide_by_the_trust_file_before_them() {
    let desk = Desk::new();
    let tree_of = |text: &str| {
        desk.repository.write(".signhere/trust.toml", text);
        desk.repository.git(&["add", "--all"]);
        desk.repository.git(&["write-tree"])
    };
    let rules = |identity: &str| {
        let rule = "refs = [\"refs/heads/main\"]\nsigners = [\"ada\"]\n";
        format!("{}\n[git.rules.main]\n{rule}", trust(identity))
    };
    let first = tree_of(&rules(ADA));
    let base = desk.signed_with(&first, ADA, None, "base");
    // Eve lists herself: the file before her does not.
    let second = tree_of(&rules(EVE));
    let hers = desk.signed_with(&second, EVE, Some(&base), "hers");
    let his = desk.signed_with(&first, ADA, Some(&base), "his");
    let range = |tip: &str| format!("{base}..{tip}");
    desk.verify(&["--ref", "main", &range(&his)]).exits(0);
    desk.verify(&["--ref", "main", &range(&his)]).exits(0);
    let ran = desk
        .verify(&["--ref", "main", &range(&hers), "--json"])
        .exits(21);
    assert_eq!(outcomes(&ran.json()), ["notAllowed"]);
    desk.verify(&["--ref", "main", &hers]).exits(21);
    desk.verify(&["--ref", "main", &his]).exits(0);

    // Who is revoked on the default branch is revoked on every other, as a push would be told: here, and at origin.
    let release = ["--ref", "release/1", &range(&his)];
    desk.verify(&release).exits(0);
    let revoked = format!("{}revoked = 2026-05-01T00:00:00Z\n", trust(ADA));
    let revoked = desk.signed_with(&tree_of(&revoked), ADA, Some(&his), "revoked");
    desk.branch("main", &revoked);
    let ran = desk.verify(&release).exits(22);
    assert!(ran.stderr.contains("SH-SIGNER-REVOKED"), "{ran:?}");
    let origin = "refs/remotes/origin/main";
    desk.repository.git(&["update-ref", origin, &his]);
    desk.verify(&release).exits(0);
    desk.repository.git(&["update-ref", origin, &revoked]);
    desk.branch("main", &his);
    desk.verify(&release).exits(22);
    // A file that is named is all that counts.
    desk.by_ada(&release).exits(0);
}
