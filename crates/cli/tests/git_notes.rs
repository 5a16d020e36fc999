//! What is kept beside commits, by the real git and against an instance of one's own.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::process::{Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use signhere_pki::digest::HashAlgorithm;
use support::{Instance, Ran, Workplace, finish, is_documented, search_path};

/// An SSH key.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFhmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZm";

/// A repository, an instance, and people who sign.
struct World {
    place: Workplace,
    instance: Instance,
}

impl World {
    fn new() -> Self {
        let place = Workplace::new();
        let instance = Instance::start(&place);
        let this = Self { place, instance };
        this.git(&["init", "-q", "-b", "main", "repo"], &[])
            .exits(0);
        let signer = |name: &str| {
            format!(
                "[signers.{name}]\nidentity = \"{name}@example.com\"\nissuer = \"{}\"\n",
                this.instance.issuer
            )
        };
        let trust = ["ada", "bob", "ci"].map(signer).concat();
        let rule = "[git]\ncarriers = [\"ci\"]\n[git.rules.main]\nrefs = [\"refs/heads/main\"]\nsigners = [\"ada\", \"bob\"]\nthreshold = 2\n";
        std::fs::create_dir(this.place.path("repo/.signhere")).unwrap();
        this.place.write("repo/.signhere/trust.toml", trust + rule);
        this
    }

    fn token(&self, who: &str) -> String {
        let email = format!("{who}@example.com");
        let ran = self.place.run([
            "token",
            "--instance",
            self.instance.name(),
            "--email",
            &email,
        ]);
        ran.exits(0).stdout.trim().to_owned()
    }

    /// Runs git in the folder above the repository.
    fn git(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", self.place.path("."))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("SIGNHERE_INSTANCE", self.instance.name())
            .envs(variables.iter().copied())
            .current_dir(self.place.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        finish(command.spawn().unwrap())
    }

    fn in_repo(&self, arguments: &[&str]) -> String {
        let flags = [
            "-C",
            "repo",
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.com",
        ];
        let ran = self.git(&[&flags[..], arguments].concat(), &[]).exits(0);
        ran.stdout.trim().to_owned()
    }

    /// Adds a file and commits, signed by somebody.
    fn commit(&self, who: &str, name: &str) {
        self.place.write(&format!("repo/{name}"), name);
        self.in_repo(&["add", "--all"]);
        let program = format!("gpg.x509.program={}", env!("CARGO_BIN_EXE_signhere"));
        let email = format!("user.email={who}@example.com");
        let flags = [
            "-C",
            "repo",
            "-c",
            "user.name=A",
            "-c",
            &email,
            "-c",
            "gpg.format=x509",
        ];
        let commit = ["-c", &program, "commit", "-q", "-S", "-m", name];
        let token = self.token(who);
        let variables = [("SIGSTORE_ID_TOKEN", token.as_str())];
        self.git(&[&flags[..], &commit].concat(), &variables)
            .exits(0);
    }

    /// What a statement of this type in the note of HEAD says.
    fn stated(&self, predicate_type: &str) -> Value {
        let note = self.in_repo(&["notes", "--ref=signhere", "show", "HEAD"]);
        let statements = note.lines().map(|line| {
            let bundle: Value = serde_json::from_str(line).unwrap();
            let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
            let payload = BASE64_STANDARD.decode(payload).unwrap();
            serde_json::from_slice::<Value>(&payload).unwrap()
        });
        let mut of_type = statements.filter(|one| one["predicateType"] == predicate_type);
        of_type.next().unwrap()["predicate"].take()
    }

    /// Runs `signhere git …` in the repository; as somebody, if given.
    fn run(&self, who: Option<&str>, arguments: &[&str]) -> Ran {
        let mut command = self
            .place
            .command(["--instance", self.instance.name(), "git"]);
        command.args(arguments).current_dir(self.place.path("repo"));
        if let Some(who) = who {
            command.env("SIGSTORE_ID_TOKEN", self.token(who));
        }
        finish(command.spawn().unwrap())
    }
}

#[test]
fn a_squash_is_carried_over_approved_attested_and_shared() {
    let world = World::new();
    world.commit("ada", "first");
    world.in_repo(&["checkout", "-q", "-b", "topic"]);
    world.commit("ada", "one");
    world.commit("bob", "two");
    world.in_repo(&["checkout", "-q", "main"]);
    world.in_repo(&["merge", "-q", "--squash", "topic"]);
    world.in_repo(&["commit", "-q", "-m", "squashed"]);
    world.run(None, &["verify", "HEAD"]).exits(10);

    // Somebody listed who is no carrier says it in vain.
    let carry = ["--json", "carry", "--from", "topic", "--to", "HEAD"];
    world.run(Some("bob"), &carry).exits(0);
    world.run(None, &["verify", "HEAD"]).exits(10);
    let carried = world.run(Some("ci"), &carry).exits(0).json();
    is_documented(&carried);
    assert_eq!(carried["carried"][0]["method"], "tree");
    let sources = carried["carried"][0]["sources"].as_array().unwrap();
    let signers: Vec<_> = sources
        .iter()
        .map(|one| &one["signer"]["identity"])
        .collect();
    assert_eq!(signers, ["bob@example.com", "ada@example.com"]);
    // The branch is not needed any more.
    world.in_repo(&["branch", "-q", "-D", "topic"]);
    let verified = world
        .run(None, &["--json", "verify", "HEAD"])
        .exits(0)
        .json();
    assert_eq!(verified["results"][0]["carried"]["by"], "ci");

    let approved = world
        .run(Some("bob"), &["--json", "approve", "HEAD"])
        .exits(0)
        .json();
    is_documented(&approved);
    world.run(None, &["attest", "--verify"]).exits(50);
    let uri = "git+https://forge.example/hello";
    let attest = ["--json", "attest", "--ref", "main", "--repository-uri", uri];
    // What bob wrote nobody but he has read, until ada approves it too.
    world.run(Some("ci"), &attest).exits(22);
    world.run(Some("ada"), &["approve", "HEAD"]).exits(0);
    world.run(Some("eve"), &["approve", "HEAD"]).exits(0);
    let attested = world.run(Some("ci"), &attest).exits(0).json();
    is_documented(&attested);
    let levels = [
        "SLSA_SOURCE_LEVEL_1",
        "ORG_SOURCE_SIGNED_BY_LISTED",
        "ORG_SOURCE_TWO_LISTED_PEOPLE",
    ];
    assert_eq!(attested["verifiedLevels"], serde_json::json!(levels));
    let read = world
        .run(None, &["--json", "attest", "--verify"])
        .exits(0)
        .json();
    is_documented(&read);
    assert_eq!(read["statements"].as_array().unwrap().len(), 7);
    // What it says is of those who count, and names what was looked at.
    let said = world.stated("https://signhere.dev/git/source-provenance/v1");
    let people = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        let mut names: Vec<_> = list
            .map(|one| one["identity"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let both = ["ada@example.com", "bob@example.com"];
    assert_eq!(people(&said["signers"]), both);
    assert_eq!(people(&said["approvers"]), both);
    let said = world.stated("https://slsa.dev/verification_summary/v1");
    assert_eq!(said["inputAttestations"].as_array().unwrap().len(), 4);
    // Whoever reads it says for what it must be.
    let right = [
        "--repository-uri",
        uri,
        "--ref",
        "main",
        "--level",
        levels[2],
    ];
    let verify = |what: &[&str]| world.run(None, &[&["attest", "--verify"], what].concat());
    verify(&right).exits(0);
    for wrong in [
        ["--repository-uri", "git+https://forge.example/fork"],
        ["--ref", "topic"],
        ["--level", "SLSA_SOURCE_LEVEL_3"],
    ] {
        verify(&wrong).exits(50);
    }
    // A trust file that is named is read once, with what it names beside it.
    let rules = std::fs::read_to_string(world.place.path("repo/.signhere/trust.toml")).unwrap();
    let rules = rules.replacen("[git]\n", "[git]\nallowed_signers = \"keys\"\n", 1);
    let digest = HashAlgorithm::Sha256.digest(rules.as_bytes());
    std::fs::create_dir(world.place.path("rules")).unwrap();
    world.place.write("rules/trust.toml", rules);
    world
        .place
        .write("rules/keys", format!("ada@example.com {KEY}\n"));
    let by_rules = [&attest[..], &["--trust", "../rules/trust.toml"]].concat();
    let attested = world.run(Some("ci"), &by_rules).exits(0).json();
    assert_eq!(attested["policy"], digest.to_string());
    // A commit that the policy does not let through is not attested.
    world.in_repo(&["commit", "-q", "--allow-empty", "-m", "unsigned"]);
    world.run(Some("ci"), &attest).exits(22);
    world.in_repo(&["reset", "-q", "--hard", "HEAD~1"]);
    // Nor one by somebody whom the default branch has revoked since, whatever the commit's own parent says.
    world.in_repo(&["checkout", "-q", "-b", "release"]);
    world.commit("ada", "fix");
    let release = ["attest", "--ref", "release", "--repository-uri", uri];
    world.run(Some("ci"), &release).exits(0);
    let trust = std::fs::read_to_string(world.place.path("repo/.signhere/trust.toml")).unwrap();
    let revoked = trust.replacen(
        "[signers.bob]",
        "revoked = 2020-01-01T00:00:00Z\n[signers.bob]",
        1,
    );
    world.place.write("repo/.signhere/trust.toml", revoked);
    world.in_repo(&["commit", "-q", "-a", "-m", "revoked"]);
    world.in_repo(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    world.in_repo(&["reset", "-q", "--hard", "HEAD~1"]);
    let ran = world.run(Some("ci"), &release).exits(22);
    assert!(ran.stderr.contains("revoked"), "{ran:?}");
    // Their approval does not count, and nobody is told that it does.
    world.commit("bob", "more");
    world.run(Some("ada"), &["approve", "HEAD"]).exits(0);
    world.run(Some("ci"), &release).exits(0);
    let said = world.stated("https://signhere.dev/git/source-provenance/v1");
    assert_eq!(people(&said["signers"]), both[1..]);
    assert_eq!(people(&said["approvers"]), <[String; 0]>::default());
    world.in_repo(&["update-ref", "-d", "refs/remotes/origin/main"]);
    world.in_repo(&["checkout", "-q", "main"]);

    // Others get it by way of a remote, and garbage in it does no harm.
    world
        .git(&["init", "-q", "--bare", "-b", "main", "remote.git"], &[])
        .exits(0);
    let remote = world.place.path("remote.git").display().to_string();
    world.in_repo(&["remote", "add", "origin", &remote]);
    world.in_repo(&["push", "-q", "origin", "main"]);
    let pushed = world
        .run(None, &["--json", "notes", "push"])
        .exits(0)
        .json();
    is_documented(&pushed);
    world.git(&["clone", "-q", &remote, "other"], &[]).exits(0);
    let other = world.place.path("other");
    let other = other.to_str().unwrap();
    world.run(None, &["verify", "-C", other, "HEAD"]).exits(10);
    world.run(None, &["notes", "fetch", "-C", other]).exits(0);
    world.run(None, &["verify", "-C", other, "HEAD"]).exits(0);
    world.in_repo(&["notes", "--ref=signhere", "append", "-m", "garbage", "HEAD"]);
    world.run(None, &["verify", "--no-cache", "HEAD"]).exits(0);
    let read = world
        .run(None, &["--json", "attest", "--verify"])
        .exits(0)
        .json();
    assert_eq!(read["faults"].as_array().unwrap().len(), 1);
    world.run(None, &["notes", "push", "nowhere"]).exits(40);
}

#[test]
fn there_is_nothing_to_rescue_where_entries_are_embedded() {
    let world = World::new();
    world.commit("ada", "first");
    world.in_repo(&["commit", "-q", "--allow-empty", "-m", "unsigned"]);
    let rescued = world
        .run(None, &["--json", "rescue", "--all"])
        .exits(0)
        .json();
    is_documented(&rescued);
    assert_eq!(
        (&rescued["already"], &rescued["others"]),
        (&1.into(), &1.into())
    );
    world.run(None, &["--offline", "rescue", "--all"]).exits(40);
}
